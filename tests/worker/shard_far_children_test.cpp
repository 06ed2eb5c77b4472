// Stopping an agent with descendants on another shard: who ends, who does not, and what is told.
#include "tests/worker/far_children_support.hpp"

namespace mabeam::worker {
namespace {

using shm::DeadReason;
using shm::Kind;

class ShardFarChildren : public FarChildren {
 protected:
  [[nodiscard]] shm::ShardRecord both() const {
    shm::ShardRecord sum{};
    for (const std::uint32_t shard : {0U, 1U}) {
      sum.agents_live += record(shard).agents_live;
      sum.dead_lettered += record(shard).dead_lettered;
      sum.sent += record(shard).sent;
      sum.delivered += record(shard).delivered;
    }
    return sum;
  }
};

TEST_F(ShardFarChildren, EndThereAndBackAgain) {
  const AgentId son = beget_one(root_, 1);
  const AgentId grandson = beget_one(son, 0);
  const AgentId near = beget_one(son, 1);
  const AgentId last = beget_one(grandson, 1);
  const AgentId beside = beget_one(root_, 0);
  post_stop(root_);
  run_all();
  expect_ended({root_, son, grandson, near, last, beside});
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(both().agents_live, 0U);
  EXPECT_EQ(both().dead_lettered, 0U);
}

TEST_F(ShardFarChildren, StayWithoutTheFlag) {
  const AgentId son = beget_one(root_, 1);
  ASSERT_EQ(stop(root_), Errc{});
  run_all();
  EXPECT_TRUE(segment_.is_alive(son));
}

TEST_F(ShardFarChildren, OthersStay) {
  const AgentId other = create({.type = "breeder"}).value();
  const AgentId son = beget_one(root_, 1);
  const AgentId nephew = beget_one(other, 1);
  const AgentId stranger = create({.type = "breeder", .shard = 1}).value();
  post_stop(root_);
  run_all();
  expect_ended({root_, son});
  for (const AgentId id : {other, nephew, stranger})
    EXPECT_TRUE(segment_.is_alive(id));
}

TEST_F(ShardFarChildren, OfAParentThatWentAloneStay) {
  const AgentId orphan = beget_one(root_, 1);
  ASSERT_EQ(stop(root_), Errc{});
  const AgentId heir = create({.type = "breeder"}).value();
  ASSERT_EQ(heir.slot(), root_.slot());
  const AgentId son = beget_one(heir, 1);
  adopt_anew(1);
  goodbyes_.clear();
  post_stop(heir);
  run_all();
  expect_ended({heir, son});
  EXPECT_TRUE(segment_.is_alive(orphan));
}

// The word of its slot's former agent comes when the heir and its child are there.
TEST_F(ShardFarChildren, OfAnHeirStay) {
  const AgentId son = beget_one(root_, 1);
  post_stop(root_, kSecondClient);
  run(0);
  const AgentId heir = create({.type = "breeder"}).value();
  ASSERT_EQ(heir.slot(), root_.slot());
  post_create({.type = "breeder", .shard = 1, .parent = heir}, kSecondClient);
  run_all();
  expect_ended({root_, son});
  EXPECT_TRUE(segment_.is_alive(heir));
  EXPECT_EQ(record(1).agents_live, 1U);
}

TEST_F(ShardFarChildren, OnesBeingEndedTakeNoMessages) {
  const AgentId son = beget_one(root_, 1);
  post_stop(root_);
  run(0);
  ASSERT_TRUE(segment_.is_alive(son));
  ASSERT_EQ(turn(1), 1U);
  ASSERT_TRUE(is_ending(son));
  EXPECT_FALSE(shard(1).is_drained());
  post(son, "tell", 1, {.client = kSecondClient});
  run_all();
  expect_ended({root_, son});
  EXPECT_TRUE(shard(1).is_drained());
  ASSERT_EQ(burials(1).size(), 1U);
  EXPECT_EQ(burials(1).front().reason, DeadReason::no_agent);
}

// What others say is heard in every second turn at least, however many are to be ended.
TEST_F(ShardFarChildren, EndBesideOthersMessages) {
  beget(root_, 1, 14);
  const AgentId other = create({.type = "puppet", .shard = 1}).value();
  post_stop(root_);
  run(0);
  ASSERT_EQ(turn(1), 1U);
  limits_.turn_messages = 1;
  for (int i = 0; i < 2; ++i) {
    post(other, "add", Task{.value = 1}, {.client = kSecondClient});
    post(other, "add", Task{.value = 1}, {.client = kSecondClient});
    turn(1);
    turn(1);
  }
  EXPECT_GE(state(other).count, 2U);
  EXPECT_EQ(record(1).agents_live, 1U);
}

TEST_F(ShardFarChildren, AreToldTheReason) {
  const AgentId far_root = create({.type = "breeder", .shard = 1}).value();
  const AgentId son = beget_one(far_root, 0);
  const AgentId other = create({.type = "breeder", .shard = 1}).value();
  const AgentId nephew = beget_one(other, 0);
  listen("agent.stopped");
  for (const AgentId id : {far_root, other})
    post(id, "stop", with_children("moved away"), {.kind = Kind::stop});
  run(1);
  run(0);
  ASSERT_EQ(told().size(), 2U);
  for (const auto& [topic, text] : told())
    EXPECT_NE(text.find(R"("reason":"moved away")"), std::string::npos) << text;
  EXPECT_FALSE(segment_.exists(son));
  EXPECT_FALSE(segment_.exists(nephew));
}

TEST_F(ShardFarChildren, ReasonIsAnotherAfterADeath) {
  const AgentId far_root = create({.type = "breeder", .shard = 1}).value();
  const AgentId son = beget_one(far_root, 0);
  listen("agent.stopped");
  post(far_root, "stop", with_children("moved away"), {.kind = Kind::stop});
  run(1);
  ASSERT_EQ(turn(0), 1U);
  ASSERT_TRUE(is_ending(son));
  adopt_anew(0);
  run_all();
  EXPECT_FALSE(segment_.exists(son));
  ASSERT_EQ(told().size(), 1U);
  EXPECT_NE(told()[0].second.find(R"("reason":"parent_stopped")"), std::string::npos);
}

TEST_F(ShardFarChildren, ThatDoNotEndWithTheirLastWordEndWithout) {
  beget(root_, 1, 2, "martyr");
  Moody::refuses_to_start = true;
  post_stop(root_);
  run_all();
  EXPECT_EQ(goodbyes_, (Ids{root_}));
  EXPECT_EQ(both().agents_live, 0U);
}

TEST_F(ShardFarChildren, EverythingSentIsDelivered) {
  beget(root_, 1, 3);
  const shm::ShardRecord before = both();
  post_stop(root_);
  run_all();
  const shm::ShardRecord after = both();
  // Four goodbyes and an answer; of what one shard tells the other, two messages.
  EXPECT_EQ(after.sent - before.sent, 7U);
  EXPECT_EQ(after.delivered - before.delivered, 3U);
}

// ---- late children -----------------------------------------------------------------------------

// It was made when its shard had not heard of the end, and before the end.
TEST_F(ShardFarChildren, ChildMadeJustBeforeTheEndEnds) {
  beget(root_, 1);
  post_stop(root_);
  post_create({.type = "breeder", .shard = 1, .parent = root_}, kSecondClient);
  run(1);
  const std::vector<Letter> replies = take(Priority::high, kSecondClient);
  ASSERT_EQ(replies.size(), 1U);
  ASSERT_EQ(replies.front().code, Errc{});
  run_all();
  EXPECT_EQ(goodbyes_.size(), 3U);
  EXPECT_EQ(both().agents_live, 0U);
}

TEST_F(ShardFarChildren, ChildOfOneThatIsGoneIsRefused) {
  const AgentId son = beget_one(root_, 1);
  post_stop(root_);
  run(0);
  post_create({.type = "breeder", .shard = 1, .parent = root_}, kSecondClient);
  run_all();
  EXPECT_EQ(answers(kSecondClient), (std::vector<Errc>{Errc::not_found}));
  expect_ended({root_, son});
}

TEST_F(ShardFarChildren, ChildOfOneThatIsBeingEndedIsRefused) {
  const AgentId son = beget_one(root_, 1);
  const AgentId grandson = beget_one(son, 0);
  post_stop(root_);
  run(0);
  ASSERT_EQ(turn(1), 1U);
  ASSERT_TRUE(is_ending(son));
  post_create({.type = "breeder", .shard = 0, .parent = son}, kSecondClient);
  post_create({.type = "breeder", .shard = 1, .parent = son}, kSecondClient);
  run(0);
  run_all();
  EXPECT_EQ(answers(kSecondClient), (std::vector<Errc>{Errc::not_found, Errc::not_found}));
  expect_ended({root_, son, grandson});
}

// The end is committed, and the words that say so are not stored yet when the child is made.
TEST_F(ShardFarChildren, ChildMadeAmidTheEndEnds) {
  post_stop(root_);
  commit_and_die(0);
  const AgentId son = beget_one(root_, 1);
  adopt_anew(0);
  run_all();
  hear();
  EXPECT_FALSE(segment_.exists(son));
  EXPECT_EQ(both().agents_live, 0U);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
}

// It is committed, and its words are stored by the next owner, when its parent has ended.
TEST_F(ShardFarChildren, ChildWhoseWordsComeAfterTheEndEnds) {
  post_create({.type = "breeder", .shard = 1, .parent = root_}, kSecondClient);
  commit_and_die(1);
  post_stop(root_);
  run(0);
  ASSERT_FALSE(segment_.exists(root_));
  adopt_anew(1);
  EXPECT_EQ(record(1).agents_live, 1U);
  run_all();
  EXPECT_EQ(goodbyes_.size(), 2U);
  EXPECT_EQ(both().agents_live, 0U);
}

// ---- what no shard would say -------------------------------------------------------------------

TEST_F(ShardFarChildren, WhatIsNoSuchMessageIsRefused) {
  const AgentId son = beget_one(root_, 1);
  ASSERT_EQ(stop(root_), Errc{});  // alone
  const std::uint64_t gone = root_.value();
  const std::vector<std::uint64_t> many(65, gone);
  tell({}, {.count = 0});
  tell({gone}, {.count = 0});
  tell({gone}, {.count = 2});
  tell({gone, gone}, {.count = 1});
  tell(many, {.count = 65});
  tell({gone}, {.count = ~0U});
  tell({gone}, {.count = 1, .reason_length = 48});
  tell({AgentId{EndpointId{2}, 3, 1}.value()}, {.count = 1});  // of the receiver's own
  tell({AgentId{EndpointId{kFirstClient}, 0, 1}.value()}, {.count = 1}, kFirstClient);
  post({EndpointId{2}, 0, 0}, "x", 7, {.kind = Kind::stop_children, .client = 1});
  run_all();
  EXPECT_TRUE(segment_.is_alive(son));
  EXPECT_EQ(burials(1).size(), 10U);
  for (const Burial& burial : burials(1))
    EXPECT_EQ(burial.reason, DeadReason::unroutable);
  EXPECT_TRUE(answers().empty());
}

TEST_F(ShardFarChildren, WhoseParentIsThereDoNotEnd) {
  const AgentId son = beget_one(root_, 1);
  tell({root_.value(), AgentId{EndpointId{1}, 0xFFFFFF, 1}.value(),
        AgentId{EndpointId{1}, root_.slot(), 77}.value()},
       {.count = 3});
  run_all();
  EXPECT_TRUE(segment_.is_alive(son));
  EXPECT_TRUE(burials(1).empty());
  EXPECT_EQ(record(1).delivered, 2U) << "the request for the son, and this";
}

TEST_F(ShardFarChildren, NamedTwiceEndOnce) {
  const Ids sons = beget(root_, 1, 3);
  ASSERT_EQ(stop(root_), Errc{});
  take(Priority::normal);
  const std::uint64_t gone = root_.value();
  tell({gone, gone}, {.count = 2});
  tell({gone}, {.count = 1});
  run_all();
  expect_ended(sons);
  EXPECT_EQ(record(1).agents_live, 0U);
  EXPECT_EQ(beget_one(create({.type = "breeder"}).value(), 1).slot(), sons.back().slot())
      << "its slot is free once";
}

// Two that are each other's parents, as damage may have it.
TEST_F(ShardFarChildren, CircleOverTwoShardsComesToAnEnd) {
  const AgentId son = beget_one(root_, 1);
  segment_.agents(0).profile(root_.slot()).parent = son.value();
  adopt_anew(0);
  post_stop(root_);
  run_all();
  expect_ended({root_, son});
}

}  // namespace
}  // namespace mabeam::worker

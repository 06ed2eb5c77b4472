// Stopping an agent with all that descend from it: who ends, in which order, and who does not.
#include "tests/worker/children_support.hpp"

namespace mabeam::worker {
namespace {

TEST_F(ShardChildren, EndBeforeTheirParents) {
  const Ids sons = breed(root_, "breeder", 2);
  const Ids grandsons = breed(sons[0], "breeder", 2);
  post_stop(root_);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(said("bye"), (Ids{sons[1], grandsons[1], grandsons[0], sons[0], root_}));
  EXPECT_EQ(live(), 0U);
  EXPECT_EQ(record().agents_stopped, 5U);
}

TEST_F(ShardChildren, StayWithoutTheFlag) {
  const Ids sons = breed(root_, "breeder", 2);
  ASSERT_EQ(stop(root_), Errc{});
  EXPECT_TRUE(segment_.is_alive(sons[0]));
  EXPECT_EQ(live(), 2U);
}

TEST_F(ShardChildren, OthersStay) {
  const AgentId other = create({.type = "breeder"}).value();
  const Ids sons = breed(root_, "breeder", 2);
  const Ids nephews = breed(other, "breeder", 2);
  post_stop(sons[0]);
  run();
  EXPECT_EQ(said("bye"), (Ids{sons[0]}));
  post_stop(root_);
  run();
  EXPECT_EQ(said("bye"), (Ids{sons[1], root_}));
  EXPECT_TRUE(segment_.is_alive(nephews[0]));
}

// The heir of the root's slot is nobody's parent, although the records name his slot.
TEST_F(ShardChildren, OfADeadParentAreNotItsHeirs) {
  const AgentId orphan = breed(root_, "breeder").front();
  ASSERT_EQ(stop(root_), Errc{});
  const AgentId heir = create({.type = "breeder"}).value();
  ASSERT_EQ(heir.slot(), root_.slot());
  adopt_anew();
  post_stop(heir);
  run();
  EXPECT_TRUE(segment_.is_alive(orphan));
  EXPECT_FALSE(segment_.is_alive(heir));
}

// One that descends from itself, as damage may have it.
TEST_F(ShardChildren, CircleOfAncestorsComesToAnEnd) {
  const AgentId son = breed(root_, "breeder").front();
  segment_.agents(0).profile(root_.slot()).parent = son.value();
  adopt_anew();
  post_stop(root_);
  post_stop(son);
  run();
  EXPECT_EQ(live(), 0U);
  EXPECT_EQ(answers().size(), 2U);
}

TEST_F(ShardChildren, ChildThatDoesNotEndWithItsLastWordEndsWithout) {
  breed(root_, "martyr", 2);
  Moody::refuses_to_start = true;
  post_stop(root_);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(live(), 0U);
}

TEST_F(ShardChildren, RootThatDoesNotEndWithItsLastWordEndsWithout) {
  const AgentId martyr = create({.type = "martyr"}).value();
  ASSERT_EQ(ask(martyr, "make", Task{}).size(), 1U);
  Moody::refuses_to_start = true;
  post_stop(martyr);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(live(), 1U) << "the other root";
}

TEST_F(ShardChildren, WhatItsLastWordMakesLivesOn) {
  breed(root_, "martyr");
  post_stop(root_);
  run();
  EXPECT_EQ(live(), 1U);
}

// Of the two goodbyes one fits. What the sons did in the turn that found the request stays done,
// and what on_stop did is undone.
TEST_F(ShardChildren, EndThatIsPutOffLeavesTheTurnBeforeIt) {
  const Ids sons = breed(root_, "steady", 2);
  fill_up_to_one();
  for (const AgentId son : sons)
    post(son, "add", Task{.value = 1});
  post_stop(root_);
  run();
  ASSERT_TRUE(shard().is_waiting());
  ASSERT_TRUE(segment_.is_alive(sons[0]));
  EXPECT_EQ(state(sons[0]).all(), (std::vector<std::int64_t>{100, 1}));
  EXPECT_FALSE(segment_.is_alive(sons[1]));
  take(Priority::normal);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(state(sons[0]).all(), (std::vector<std::int64_t>{100, 1, -1}));
}

// High messages come first in every turn, and those to the son touch him before his end would.
TEST_F(ShardChildren, EndComesThroughOthersMessages) {
  const AgentId son = breed(root_, "steady").front();
  const AgentId other = create().value();
  post_stop(root_);
  for (int turns = 0; turns < 10 && live() != 1; ++turns) {
    for (const AgentId busy : {son, other})
      post(busy, "add", Task{.value = 1}, {.priority = Priority::high, .client = kSecondClient});
    turn();
  }
  EXPECT_EQ(live(), 1U);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
}

TEST_F(ShardChildren, RequestThatIsNoneIsRefused) {
  shm::StopRequest request = with_children();
  request.reason_length = 48;
  post(root_, "stop", request, {.kind = shm::Kind::stop});
  request.reason_length = 0;
  request.with_children = 2;
  post(root_, "stop", request, {.kind = shm::Kind::stop});
  post(root_, "stop", "please", {.kind = shm::Kind::stop});
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>(3, Errc::invalid_argument)));
  EXPECT_TRUE(segment_.is_alive(root_));
}

}  // namespace
}  // namespace mabeam::worker

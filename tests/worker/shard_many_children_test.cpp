// Stopping an agent with a thousand that descend from it: how many a turn, and what deaths, full
// rings and late callers change in the middle.
#include "tests/worker/children_support.hpp"

#include <algorithm>
#include <set>

namespace mabeam::worker {
namespace {

class ShardManyChildren : public ShardChildren {
 protected:
  ShardManyChildren() : ShardChildren(1200) {}

  /// 1,000 in all: 4 sons with 249 sons each.
  void make_thousand() {
    for (const AgentId son : breed(root_, "breeder", 4))
      breed(son, "breeder", 249);
    ASSERT_EQ(live(), 1001U);
  }

  /// Runs until the shard rests, reading what it says. Most ends in one turn.
  std::uint64_t run_out(Ids& goodbyes) {
    std::uint64_t most = 0;
    for (int turns = 0; turns < 2000; ++turns) {
      const std::uint64_t before = live();
      if (turn() == 0) return most;
      most = std::max(most, before - live());
      for (const AgentId id : said("bye"))
        goodbyes.push_back(id);
    }
    ADD_FAILURE() << "the shard never came to rest";
    return most;
  }
};

TEST_F(ShardManyChildren, ThousandEndAtMostSixtyFourATurnEachOnce) {
  make_thousand();
  post_stop(root_);
  Ids goodbyes;
  EXPECT_EQ(run_out(goodbyes), 64U);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
  EXPECT_EQ(goodbyes.back(), root_);
  EXPECT_EQ(live(), 0U);
  expect_whole();
}

TEST_F(ShardManyChildren, OwnersThatDieAfterEachTurnEndEachOnce) {
  make_thousand();
  post_stop(root_);
  Ids goodbyes;
  for (int deaths = 0; live() != 0 && deaths < 100; ++deaths) {
    ASSERT_NE(turn(), 0U);
    expect_whole();
    for (const AgentId id : said("bye"))
      goodbyes.push_back(id);
    EXPECT_EQ(answers().size(), live() == 0 ? 1U : 0U);
    adopt_anew();
  }
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
}

TEST_F(ShardManyChildren, OwnersThatDieBeforeTheirWordsEndEachOnce) {
  make_thousand();
  post_stop(root_);
  Ids goodbyes;
  for (int deaths = 0; live() != 0 && deaths < 100; ++deaths) {
    commit_and_die();
    adopt_anew();
    for (const AgentId id : said("bye"))
      goodbyes.push_back(id);
  }
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
}

TEST_F(ShardManyChildren, ChainOfDescendantsEndsFromItsEnd) {
  Ids chain{root_};
  for (int i = 0; i < 200; ++i)
    chain.push_back(breed(chain.back(), "breeder").front());
  post_stop(root_);
  Ids goodbyes;
  run_out(goodbyes);
  std::reverse(chain.begin(), chain.end());
  EXPECT_EQ(goodbyes, chain);
}

TEST_F(ShardManyChildren, WhatIsBeingEndedTakesNoMessages) {
  make_thousand();
  post_stop(root_);
  ASSERT_EQ(turn(), 1U);
  ASSERT_TRUE(is_terminating(root_));
  EXPECT_FALSE(segment_.is_alive(root_));
  EXPECT_TRUE(segment_.exists(root_));
  post(root_, "tell", 1, {.client = kSecondClient});
  post(root_, "breeder", 1,
       {.kind = shm::Kind::request, .client = kSecondClient, .correlation = 9});
  Ids goodbyes;
  run_out(goodbyes);
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::no_agent);
  EXPECT_EQ(answers(kSecondClient), (std::vector<Errc>{Errc::not_found}));
  EXPECT_EQ(goodbyes.size(), 1001U) << "it has made no more";
}

TEST_F(ShardManyChildren, WhatIsBeingEndedHearsNoEvents) {
  make_thousand();
  const AgentId father = create({.type = "steady", .subscribe = {"job.*"}}).value();
  const shm::AgentTable table = segment_.agents(0);
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
    if (table.profile(slot).parent == root_.value()) table.profile(slot).parent = father.value();
  }
  adopt_anew();
  post_stop(father);
  ASSERT_EQ(turn(), 1U);
  ASSERT_TRUE(is_terminating(father));
  emit("job.a", 7, kSecondClient);
  Ids goodbyes;
  run_out(goodbyes);
  EXPECT_FALSE(segment_.exists(father));
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(state(father).all(), (std::vector<std::int64_t>{100, -1})) << "what it left behind";
}

// A caller whose time was up asks again; both are answered when the last one is gone.
TEST_F(ShardManyChildren, SecondRequestJoinsTheFirst) {
  make_thousand();
  post_stop(root_);
  ASSERT_EQ(turn(), 1U);
  post_stop(root_, kSecondClient);
  Ids goodbyes;
  run_out(goodbyes);
  const std::vector<Errc> first = answers(kFirstClient);
  const std::vector<Errc> second = answers(kSecondClient);
  ASSERT_EQ(first.size() + second.size(), 2U);
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_TRUE(first[0] == Errc{} || second[0] == Errc{});
}

TEST_F(ShardManyChildren, EndThatHasBegunDoesNotExpire) {
  make_thousand();
  const std::int64_t soon_ns = shm::monotonic_ns() + 20'000'000;
  post_stop(root_, kFirstClient, soon_ns);
  ASSERT_EQ(turn(), 1U);
  ASSERT_TRUE(is_terminating(root_));
  while (shm::monotonic_ns() <= soon_ns) {
  }
  Ids goodbyes;
  run_out(goodbyes);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(live(), 0U);
}

// 64 goodbyes do not fit, so they are said one a turn; and nobody is lost while nobody reads.
TEST_F(ShardManyChildren, FullRingHoldsTheEndUp) {
  make_thousand();
  post_stop(root_);
  run();
  ASSERT_TRUE(shard().is_waiting());
  EXPECT_GT(live(), 0U);
  Ids goodbyes = said("bye");
  EXPECT_EQ(goodbyes.size() + live(), 1001U);
  run_out(goodbyes);
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
}

TEST_F(ShardManyChildren, EndThatKillsEveryOwnerGoesOnWithoutLastWords) {
  make_thousand();
  post_stop(root_);
  const auto ring = shm::RingConsumer::open(segment_.ring(kFirstClient, 1, Priority::normal));
  const std::uint64_t witness =
      shm::Witness::pack(shm::Witness::What::message, kFirstClient,
                         static_cast<std::uint32_t>(Priority::normal), 0, ring.value().position());
  ASSERT_EQ(turn(), 1U);
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
    segment_.turn(0).witness.store(witness);
    adopt_anew();
  }
  said("bye");
  Ids goodbyes;
  run_out(goodbyes);
  EXPECT_TRUE(goodbyes.empty());
  EXPECT_EQ(live(), 0U);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc::handler_failed}));
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::poison);
  EXPECT_EQ(record().blamed_count, 0U);
}

}  // namespace
}  // namespace mabeam::worker

// A thousand subscribers of one topic: each gets each event once, and when they are gone, nothing
// of theirs is left.
#include "shm/event_log.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

constexpr std::uint32_t kMany = 1000;

class ShardManySubscribers : public ShardTest {
 protected:
  ShardManySubscribers() : ShardTest(kMany, 2 * kMany) {}

  /// Each with two patterns that match.
  void make_thousand() {
    agents_.clear();
    for (std::uint32_t made = 0; made < kMany; made += 50) {
      post_create({.subscribe = {"job.*", "job.a"}, .count = 50});
      run();
      for (const Letter& letter : take(Priority::high)) {
        ASSERT_EQ(letter.code, Errc{});
        for (std::size_t i = 0; i < letter.payload.size() / 8; ++i) {
          std::uint64_t id = 0;
          std::memcpy(&id, letter.payload.data() + 8 * i, 8);
          agents_.emplace_back(id);
        }
      }
    }
    ASSERT_EQ(agents_.size(), kMany);
  }

  void expect_all(const std::vector<std::int64_t>& values) {
    for (const AgentId agent : agents_)
      ASSERT_EQ(state(agent).all(), values);
  }

  void stop_thousand() {
    for (const AgentId agent : agents_)
      ASSERT_EQ(stop(agent), Errc{});
  }

  std::vector<AgentId> agents_;
};

TEST_F(ShardManySubscribers, EachGetsEachEventOnce) {
  make_thousand();
  emit("job.a", 1);
  emit("job.b", 2);
  run();
  expect_all({1, 2});
  EXPECT_EQ(record().events_delivered, 2 * kMany);
}

TEST_F(ShardManySubscribers, EachGetsEachEventOnceThoughOwnersDie) {
  make_thousand();
  emit("job.a", 1);
  emit("job.b", 2);
  for (std::uint32_t incarnation = 2; turn() != 0; ++incarnation)
    ASSERT_TRUE(adopt(0, incarnation));
  expect_all({1, 2});
}

TEST_F(ShardManySubscribers, TheirEntriesAreUsedAgain) {
  for (int round = 0; round < 3; ++round) {
    make_thousand();
    EXPECT_EQ(subscriptions_used(), 2 * kMany) << "the table is full";
    EXPECT_EQ(create({.subscribe = {"x"}}).error().code, Errc::too_many_agents);
    stop_thousand();
    EXPECT_EQ(subscriptions_used(), 0U);
  }
  emit("job.a", 1);
  run();
  EXPECT_EQ(record().events_delivered, 0U);
}

}  // namespace
}  // namespace mabeam::worker

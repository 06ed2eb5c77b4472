// A full ring: its message waits where it is, the others go on, and patience has an end.
#include "shm/clock.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

class ShardCongestion : public ShardTest {
 protected:
  /// Signals that make the agent send a quarter of a ring each, with values from `first` on.
  void post_sends(int count, std::int64_t first = 1) {
    for (std::int64_t value = first; value < first + count; ++value)
      post(agent_, "send", Task{.value = value, .bytes = kQuarterRing});
  }

  Values taken(std::uint32_t limit = 1000, std::uint32_t client = kFirstClient) {
    Values values;
    for (const Letter& letter : take(Priority::normal, client, limit))
      values.push_back(letter.value());
    return values;
  }

  void lose_patience() { limits_.stall_timeout_ns = 0; }

  void regain_patience() { limits_.stall_timeout_ns = kEndless; }

  /// Fills the first client's ring, and overflows it once.
  void congest() {
    post_sends(5);
    lose_patience();
    run();
    run();
    regain_patience();
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardCongestion, MessageStaysWhereItIsUntilThereIsRoom) {
  post_sends(6);
  EXPECT_EQ(turn(), 4U);
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_EQ(turn(), 0U);
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_FALSE(shard().is_drained());
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4})) << "what waits has changed nothing";
  EXPECT_EQ(taken(1), (Values{1}));
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4, 5}));
  EXPECT_EQ(taken(), (Values{2, 3, 4, 5}));
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(taken(), (Values{6}));
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_TRUE(shard().is_drained());
  EXPECT_TRUE(burials().empty());
}

TEST_F(ShardCongestion, OtherRingsGoOnMeanwhile) {
  const AgentId other = create().value();
  post_sends(5);
  run();
  ASSERT_TRUE(shard().is_waiting());
  post(other, "add", Task{.value = 1}, {.priority = Priority::high});
  post(other, "send", Task{.value = 2, .client = kSecondClient}, {.client = kSecondClient});
  run();
  EXPECT_EQ(state(other).sum, 3);
  EXPECT_EQ(taken(10, kSecondClient), (Values{2}));
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_EQ(state(agent_).count, 4U);
}

// The same ring from its own start: what comes behind a message that waits may not overtake it.
TEST_F(ShardCongestion, NothingOvertakesWithinARing) {
  post_sends(5);
  post(agent_, "add", Task{.value = 100});
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4}));
  (void)taken();
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4, 5, 100}));
}

TEST_F(ShardCongestion, RingWithoutProgressOverflowsIntoDeadLetters) {
  post_sends(5);
  run();
  lose_patience();
  run();
  run();
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4, 5})) << "its handler has run";
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::overflow);
  EXPECT_EQ(burials().front().header.target, client_id(kFirstClient).value());
  EXPECT_EQ(record().dead_lettered, 1U);
  EXPECT_EQ(taken(), (Values{1, 2, 3, 4}));
}

TEST_F(ShardCongestion, CongestedRingOverflowsAtOnce) {
  congest();
  ASSERT_EQ(burials().size(), 1U);
  post_sends(2, 6);
  EXPECT_EQ(turn(), 2U);
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(burials().size(), 3U);
}

TEST_F(ShardCongestion, RingThatHasDrainedTakesMessagesAgain) {
  congest();
  EXPECT_EQ(taken(), (Values{1, 2, 3, 4}));
  post_sends(2, 6);
  EXPECT_EQ(turn(), 2U);
  EXPECT_EQ(taken(), (Values{6, 7}));
  EXPECT_EQ(burials().size(), 1U);
}

TEST_F(ShardCongestion, ReplyWaitsForRoomWithItsRequest) {
  constexpr std::uint32_t kAsked = 240;  // replies of 72 bytes: 227 of them fill the ring
  for (std::uint32_t i = 1; i <= kAsked; ++i)
    post(agent_, "get", {}, {.kind = shm::Kind::request, .correlation = i});
  run();
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_EQ(state(agent_).count, 227U);
  std::vector<Letter> replies = take(Priority::high);
  EXPECT_EQ(replies.size(), 227U);
  run();
  for (const Letter& reply : take(Priority::high))
    replies.push_back(reply);
  ASSERT_EQ(replies.size(), kAsked);
  for (std::uint32_t i = 0; i < kAsked; ++i)
    ASSERT_EQ(replies[i].header.correlation, i + 1);
  EXPECT_EQ(state(agent_).count, kAsked);
}

TEST_F(ShardCongestion, EmitterWaitsForAReaderOfItsLog) {
  const AgentId listener = create({.subscribe = {"job.*"}, .shard = 1}).value();
  for (std::int64_t value = 1; value <= 5; ++value)
    post(agent_, "emit", Task{.value = value, .bytes = kQuarterLog});
  run(0);
  EXPECT_TRUE(shard(0).is_waiting());
  EXPECT_EQ(state(agent_).count, 4U);
  run(1);
  run(0);
  EXPECT_FALSE(shard(0).is_waiting());
  run(1);
  EXPECT_EQ(state(listener).all(), (Values{1, 2, 3, 4, 5}));
  EXPECT_EQ(record(1).events_missed, 0U);
}

// A reader that is slow and others that fill up what it takes: the clock is the machine's, so each
// round takes the time that a turn needs and no longer.
class ShardPatience : public ShardCongestion {
 protected:
  ShardPatience() { limits_.stall_timeout_ns = 20'000'000; }

  void post_small(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      post(small_, "send", Task{.bytes = 192}, {.client = kSecondClient});
  }

  /// Takes `each` a round, and lets as many be sent anew, until `is_over` or too late.
  template <class IsOver>
  void exchange(std::uint32_t each, IsOver&& is_over) {
    const std::int64_t end_ns = shm::monotonic_ns() + 100 * limits_.stall_timeout_ns;
    while (!is_over() && shm::monotonic_ns() < end_ns) {
      post_small(take(Priority::normal, kFirstClient, each).size());
      turn();
      turn();
    }
  }

  const AgentId small_ = create().value();
};

TEST_F(ShardPatience, ReaderThatMovesIsNotCongested) {
  post_small(58);
  run();
  post(agent_, "send", Task{.value = -1, .bytes = kQuarterRing});
  run();
  const std::int64_t end_ns = shm::monotonic_ns() + 5 * limits_.stall_timeout_ns;
  exchange(5, [&] { return state(agent_).count != 0 || shm::monotonic_ns() > end_ns; });
  EXPECT_TRUE(burials().empty());
}

TEST_F(ShardPatience, LargeMessageGetsItsRoomThoughSmallOnesKeepComing) {
  post_small(70);
  run();
  post(agent_, "send", Task{.value = -1, .bytes = kQuarterRing});
  run();
  exchange(2, [&] { return state(agent_).count != 0; });
  EXPECT_EQ(state(agent_).count, 1U);
  EXPECT_TRUE(burials().empty());
}

}  // namespace
}  // namespace mabeam::worker

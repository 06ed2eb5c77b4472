// Breakers of calls to shards: when nobody serves a shard, when it is served again, and never more
// than half of them.
#include "shm/call_breakers.hpp"

#include "tests/shm/shm_support.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace mabeam::shm {
namespace {

constexpr std::uint32_t kShards = 4;
constexpr std::int64_t kSecondNs = 1'000'000'000;

Dimensions four_shards() {
  Dimensions dimensions = small_dimensions();
  dimensions.shards = kShards;
  fill_derived(dimensions);
  return dimensions;
}

class CallBreakersTest : public SegmentTest {
 protected:
  CallBreakersTest() : SegmentTest(four_shards()) {
    Tunables& tunables = segment_.header().tunables;
    tunables.breaker_failure_threshold.store(3);
    tunables.breaker_recovery_ns.store(3600ULL * kSecondNs);
    tunables.breaker_trial_calls.store(2);
    tunables.heartbeat_timeout_ns.store(10ULL * kSecondNs);
    for (std::uint32_t shard = 0; shard < kShards; ++shard)
      serve(shard);
  }

  /// Worker 0 lives and runs that shard.
  void serve(std::uint32_t shard) {
    WorkerSlot& worker = segment_.worker(0);
    worker.claim.store(Claim{.incarnation = 1, .pid = 1}.pack());
    worker.supervised_state.store(static_cast<std::uint32_t>(WorkerState::ready));
    worker.heartbeat_ns.store(static_cast<std::uint64_t>(monotonic_ns()) + 3600ULL * kSecondNs);
    owner(shard).store(Incarnation::of(0, 1).value);
  }

  void desert(std::uint32_t shard) { owner(shard).store(0); }

  Word& owner(std::uint32_t shard) {
    return segment_.endpoint(Segment::endpoint_of_shard(shard)).owner;
  }

  [[nodiscard]] bool is_served(std::uint32_t shard = 0) const {
    return shm::is_served(segment_, shard, monotonic_ns());
  }

  Result<> ask(std::uint32_t shard) { return calls_.ask(Segment::endpoint_of_shard(shard)); }

  void time_out(std::uint32_t shard, int times = 1) {
    for (int i = 0; i < times; ++i)
      calls_.note_silence(Segment::endpoint_of_shard(shard));
  }

  void answer(std::uint32_t shard, std::int64_t sent_ns = monotonic_ns()) {
    calls_.note_answer(Segment::endpoint_of_shard(shard), sent_ns);
  }

  [[nodiscard]] BreakerState state(std::uint32_t shard) const {
    return Breaker::acting(Breaker{segment_.breaker_of_shard(shard)}.word());
  }

  CallBreakers calls_{segment_};
};

TEST_F(CallBreakersTest, OpensWhereNobodyServesAndTellsWhenToComeAgain) {
  desert(1);
  time_out(1, 2);
  EXPECT_TRUE(ask(1)) << "below the threshold";
  time_out(1);
  const Result<> refused = ask(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::circuit_open);
  EXPECT_EQ(refused.error().subject, std::numeric_limits<std::uint16_t>::max()) << "an hour";
  EXPECT_TRUE(ask(0)) << "another shard's is closed";
  EXPECT_EQ(segment_.breaker_of_shard(1).rejected.load(), 1U);
}

TEST_F(CallBreakersTest, SlowHandlersOpenNothing) {
  time_out(0, 100);
  EXPECT_TRUE(ask(0));
  EXPECT_EQ(state(0), BreakerState::closed);
  EXPECT_EQ(segment_.breaker_of_shard(0).failed.load(), 0U);
}

TEST_F(CallBreakersTest, ServedIsByALivingOwnerThatBeats) {
  WorkerSlot& worker = segment_.worker(0);
  EXPECT_TRUE(is_served());
  for (const WorkerState dead : {WorkerState::backoff, WorkerState::killing, WorkerState::open,
                                 WorkerState::failed, WorkerState::stopped}) {
    worker.supervised_state.store(static_cast<std::uint32_t>(dead));
    EXPECT_FALSE(is_served()) << static_cast<int>(dead);
  }
  serve(0);
  worker.claim.store(Claim{.incarnation = 2, .pid = 2}.pack());
  EXPECT_FALSE(is_served()) << "its owner was the one before";
  serve(0);
  worker.heartbeat_ns.store(static_cast<std::uint64_t>(monotonic_ns() - 3 * kSecondNs));
  EXPECT_FALSE(is_served()) << "hung";
  segment_.header().tunables.heartbeat_timeout_ns.store(0);
  EXPECT_TRUE(is_served()) << "nobody looks at heartbeats";
  segment_.endpoint(Segment::endpoint_of_shard(0)).parked.store(1);
  EXPECT_FALSE(is_served());
  owner(1).store(~0ULL);
  EXPECT_FALSE(is_served(1)) << "no worker";
}

TEST_F(CallBreakersTest, ServedAgainIsTriedAtOnceAndClosedByAnswers) {
  desert(1);
  time_out(1, 3);
  const std::int64_t before = monotonic_ns() - kSecondNs;
  serve(1);
  ASSERT_TRUE(ask(1)) << "its hour is not over";
  EXPECT_EQ(state(1), BreakerState::half_open);
  ASSERT_TRUE(ask(1));
  const Result<> third = ask(1);
  ASSERT_FALSE(third) << "two calls are the trial";
  EXPECT_LE(third.error().subject, 50U) << "which is decided soon";
  answer(1, before);
  answer(1, before);
  EXPECT_EQ(state(1), BreakerState::half_open) << "answers from before it prove nothing";
  answer(1);
  answer(1);
  EXPECT_EQ(state(1), BreakerState::closed);
}

TEST_F(CallBreakersTest, ATrialThatNobodyServesOpensItAgain) {
  desert(1);
  time_out(1, 3);
  serve(1);
  ASSERT_TRUE(ask(1));
  desert(1);
  time_out(1);
  EXPECT_EQ(state(1), BreakerState::open);
  EXPECT_EQ(Breaker{segment_.breaker_of_shard(1)}.word().doublings, 1U);
}

/// A slow handler's call that is given up does not keep its place in the trial.
TEST_F(CallBreakersTest, SilenceOfAServedShardCountsForItsTrial) {
  desert(1);
  time_out(1, 3);
  serve(1);
  ASSERT_TRUE(ask(1));
  time_out(1, 2);
  EXPECT_EQ(state(1), BreakerState::closed);
}

TEST_F(CallBreakersTest, NeverMoreThanHalfOfTheShards) {
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    desert(shard);
    time_out(shard, 10);
  }
  std::uint32_t refused = 0;
  for (std::uint32_t shard = 0; shard < kShards; ++shard)
    refused += ask(shard) ? 0U : 1U;
  EXPECT_EQ(refused, kShards / 2);
  EXPECT_GT(segment_.breaker_of_shard(3).withheld.load(), 0U);
  EXPECT_EQ(calls_.set_mode(3, BreakerMode::forced_open).error().code, Errc::in_use);
  EXPECT_TRUE(calls_.set_mode(0, BreakerMode::forced_open)) << "it is one of them already";
}

/// As when two processes have opened one each at the same moment.
TEST_F(CallBreakersTest, MoreThanHalfLetEverythingThrough) {
  for (std::uint32_t shard = 0; shard < 3; ++shard)
    Breaker{segment_.breaker_of_shard(shard)}.set_mode(BreakerMode::forced_open, monotonic_ns());
  for (std::uint32_t shard = 0; shard < kShards; ++shard)
    EXPECT_TRUE(ask(shard)) << shard;
  ASSERT_TRUE(calls_.set_mode(0, BreakerMode::automatic));
  ASSERT_TRUE(calls_.set_mode(0, BreakerMode::forced_closed));
  EXPECT_FALSE(ask(1));
  EXPECT_TRUE(ask(0));
}

TEST_F(CallBreakersTest, IdleOneIsClosedWhenItIsServedAgain) {
  segment_.header().tunables.breaker_recovery_ns.store(1);
  desert(1);
  time_out(1, 3);
  const std::int64_t later = monotonic_ns() + kSecondNs;
  EXPECT_FALSE(calls_.close_idle(1, later)) << "nobody serves it";
  serve(1);
  EXPECT_FALSE(calls_.close_idle(1, monotonic_ns() - kSecondNs)) << "its time is not over";
  EXPECT_TRUE(calls_.close_idle(1, later));
  EXPECT_EQ(state(1), BreakerState::closed);
  EXPECT_FALSE(calls_.close_idle(1, later)) << "nothing to do";
}

TEST_F(CallBreakersTest, OfNoShardTheyKnowNothing) {
  EXPECT_TRUE(calls_.ask(0));
  EXPECT_TRUE(calls_.ask(~0U));
  calls_.note_answer(~0U, 0);
  calls_.note_silence(~0U);
}

}  // namespace
}  // namespace mabeam::shm

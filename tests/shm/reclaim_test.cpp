// Reclaiming: a dead client's endpoint is as good as new, whatever it left and wherever the walk
// itself was interrupted.
#include "shm/reclaim.hpp"

#include "shm/event_log.hpp"
#include "shm/process.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace mabeam::shm {
namespace {

constexpr ProcessId kDead{0x0000420000001234};

class Reclaim : public SegmentTest {
 protected:
  Reclaim() { leave_everything_behind(); }

  /// What a client has that is killed in the middle of its work.
  void leave_everything_behind() {
    EndpointSlot& slot = segment_.endpoint(endpoint_);
    slot.claim.store(kDead.value);
    slot.generation.store(7);
    slot.reserved_agents.store(100);
    slot.doorbell.sleeping.store(1);
    for (std::uint32_t log = 0; log < segment_.endpoints(); ++log) {
      EventLogReader reader =
          EventLogReader::open(segment_.log(log), segment_.endpoints(), endpoint_).value();
      reader.join();
    }
    segment_.subscriptions(endpoint_)[3].word.store(SubscriptionWord{Symbol{20}, 1}.pack());
    segment_.subscriptions(endpoint_)[1000].word.store(SubscriptionWord{Symbol{21}, 1}.pack());
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low})
      send(priority);
  }

  void send(Priority priority) {
    auto ring = RingProducer::open(segment_.ring(1, endpoint_, priority)).value();
    ASSERT_TRUE(ring.claim(100, 1) && ring.claim(100, 1));
    ring.publish();
  }

  void expect_free(std::uint64_t generation_at_least = 8) const {
    const EndpointSlot& slot = segment_.endpoint(endpoint_);
    EXPECT_EQ(slot.claim.load(), 0U);
    EXPECT_GE(slot.generation.load(), generation_at_least);
    EXPECT_EQ(slot.reserved_agents.load(), 0U);
    EXPECT_EQ(slot.doorbell.sleeping.load(), 0U);
    for (std::uint32_t log = 0; log < segment_.endpoints(); ++log) {
      EXPECT_FALSE(
          EventLogReader::open(segment_.log(log), segment_.endpoints(), endpoint_)->is_joined());
    }
    for (const Subscription& entry : segment_.subscriptions(endpoint_)) {
      EXPECT_EQ(entry.word.load(), 0U);
    }
    for (std::uint32_t shard = 1; shard <= segment_.dimensions().shards; ++shard) {
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        auto ring = RingConsumer::open(segment_.ring(shard, endpoint_, priority));
        ASSERT_TRUE(ring);
        EXPECT_FALSE(ring->refresh());
      }
    }
  }

  std::uint32_t endpoint_ = segment_.first_client() + 1;
};

TEST_F(Reclaim, FreesWhatADeadClientHeld) {
  const std::uint64_t epoch = segment_.header().subscription_epoch.load();
  EXPECT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  expect_free();
  EXPECT_EQ(segment_.endpoint(endpoint_).generation.load(), 8U);
  EXPECT_EQ(segment_.header().subscription_epoch.load(), epoch + 1);
}

TEST_F(Reclaim, CountsWhatNobodyRead) {
  ASSERT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  EXPECT_EQ(segment_.endpoint(endpoint_).refused.load(), 6U);
}

TEST_F(Reclaim, ASecondTimeDoesNothing) {
  ASSERT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  EXPECT_FALSE(reclaim_endpoint(segment_, endpoint_, kDead));
  EXPECT_EQ(segment_.endpoint(endpoint_).generation.load(), 8U);
}

TEST_F(Reclaim, TheNextOwnerIsLeftAlone) {
  ASSERT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  leave_everything_behind();
  const ProcessId next = ProcessId::of(77, 77);
  segment_.endpoint(endpoint_).claim.store(next.value);
  EXPECT_FALSE(reclaim_endpoint(segment_, endpoint_, kDead));
  EXPECT_EQ(segment_.endpoint(endpoint_).claim.load(), next.value);
  EXPECT_EQ(segment_.endpoint(endpoint_).reserved_agents.load(), 100U);
}

TEST_F(Reclaim, OnlyClientsAreReclaimed) {
  for (const std::uint32_t endpoint : {0U, 1U, 2U, segment_.endpoints(), 255U, 100'000U}) {
    EXPECT_FALSE(reclaim_endpoint(segment_, endpoint, kDead)) << endpoint;
  }
  segment_.endpoint(endpoint_ + 1).claim.store(0);
  EXPECT_FALSE(reclaim_endpoint(segment_, endpoint_ + 1, ProcessId{}));
}

TEST_F(Reclaim, NoWordOfALiveShardIsMoved) {
  std::vector<std::uint64_t> tails;
  const auto words = [&] {
    std::vector<std::uint64_t> all;
    for (std::uint32_t shard = 1; shard <= segment_.dimensions().shards; ++shard) {
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        const auto* in =
            reinterpret_cast<RingHeader*>(segment_.ring(shard, endpoint_, priority).data());
        const auto* out =
            reinterpret_cast<RingHeader*>(segment_.ring(endpoint_, shard, priority).data());
        all.insert(all.end(), {in->tail.load(), out->tail.load(), out->head.load()});
      }
      all.push_back(reinterpret_cast<LogHeader*>(segment_.log(shard).data())->tail.load());
    }
    return all;
  };
  tails = words();
  ASSERT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  EXPECT_EQ(words(), tails);
}

// A reply that a shard commits after the walk lies beyond the heads, for the next owner to drop.
TEST_F(Reclaim, ALateReplyLandsBehindTheHeads) {
  ASSERT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  send(Priority::high);
  auto ring = RingConsumer::open(segment_.ring(1, endpoint_, Priority::high)).value();
  int count = 0;
  EXPECT_TRUE(ring.poll([&](const Record&) { ++count; }, 10));
  EXPECT_EQ(count, 2);
}

TEST_F(Reclaim, DamagedRingsAreGivenUp) {
  auto* header = reinterpret_cast<RingHeader*>(segment_.ring(1, endpoint_, Priority::high).data());
  header->head.store(~std::uint64_t{7});
  EXPECT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  expect_free();
}

// The owner's walk, then the supervisor's: killed at any point of the first, the second ends it.
TEST_F(Reclaim, AWalkThatWasKilledAnywhereIsEndedByTheNext) {
  int interrupted = 0;
  for (unsigned delay_us = 0; delay_us < 60; delay_us += 2) {
    leave_everything_behind();
    const pid_t child = ::fork();
    if (child == 0) {
      const auto mine = Segment::attach(guard_.name(), Access::read_write);
      ::raise(SIGSTOP);
      reclaim_endpoint(*mine, endpoint_, kDead);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, WUNTRACED);
    ::kill(child, SIGCONT);
    for (const std::int64_t end = monotonic_ns() + delay_us * 1000; monotonic_ns() < end;) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    const bool was_free = segment_.endpoint(endpoint_).claim.load() == 0;
    interrupted += was_free ? 0 : 1;
    EXPECT_EQ(reclaim_endpoint(segment_, endpoint_, kDead), !was_free);
    expect_free();
  }
  EXPECT_GT(interrupted, 0);
}

// It may have published and been killed before it told anybody.
TEST_F(Reclaim, EveryShardIsToldToLook) {
  const std::uint64_t bit = std::uint64_t{1} << (endpoint_ % 64);
  for (std::uint32_t shard = 1; shard <= segment_.dimensions().shards; ++shard)
    segment_.endpoint(shard).ready[endpoint_ / 64].store(0);
  ASSERT_TRUE(reclaim_endpoint(segment_, endpoint_, kDead));
  for (std::uint32_t shard = 1; shard <= segment_.dimensions().shards; ++shard)
    EXPECT_NE(segment_.endpoint(shard).ready[endpoint_ / 64].load() & bit, 0U) << shard;
}

}  // namespace
}  // namespace mabeam::shm

// Nobody waits for ever: rings and logs of one source, senders, priorities, and the clock that ends
// a turn.
#include "shm/doorbell.hpp"
#include "shm/event_log.hpp"
#include "tests/support/sanitizers.hpp"
#include "tests/worker/shard_support.hpp"

#include <atomic>
#include <thread>

namespace mabeam::worker {
namespace {

/// Takes its time over a signal called "slow".
struct Sleeper {
  static constexpr AgentType type{.name = "sleeper"};

  Result<> on_signal(Context&, const Signal& signal) const {
    if (signal.name() == "slow") std::this_thread::sleep_for(std::chrono::milliseconds{1});
    return {};
  }
};

class ShardFairness : public ShardTest {
 protected:
  ShardFairness() { adopt(0, 2, kTypes<Puppet, Sleeper>).value(); }
};

TEST_F(ShardFairness, RingThatIsNeverEmptyLeavesRoomForItsSourcesEvents) {
  const AgentId busy = create().value();
  const AgentId listener = create({.subscribe = {"job.*"}}).value();
  emit("job.done", 7);
  std::uint32_t refill = 64;
  for (int turns = 0; turns < 4; ++turns) {
    for (std::uint32_t i = 0; i < refill; ++i)
      post(busy, "work");
    refill = turn();
  }
  EXPECT_EQ(state(listener).count, 1U);
}

TEST_F(ShardFairness, SmallTurnsServeEverySenderOfEveryPriority) {
  const AgentId first = create().value();
  const AgentId second = create().value();
  const AgentId high = create().value();
  limits_.turn_messages = 1;
  for (int i = 0; i < 30; ++i) {
    post(first, "work", {}, {.priority = Priority::low});
    post(second, "work", {}, {.priority = Priority::low, .client = kSecondClient});
  }
  post(high, "work", {}, {.priority = Priority::high});
  for (int turns = 0; turns < 320; ++turns) {
    post(high, "work", {}, {.priority = Priority::high});
    const std::uint32_t before = state(high).count;
    while (state(high).count == before)
      turn();  // the ring of the high ones is never empty
  }
  EXPECT_GE(state(first).count, 5U);
  EXPECT_GE(state(second).count, 5U);
}

TEST_F(ShardFairness, TurnEndsSoonAfterMessagesHaveBecomeSlow) {
  const AgentId sleeper = create({.type = "sleeper"}).value();
  limits_.turn_time_ns = 100'000'000;
  for (int i = 0; i < 24; ++i)
    post(sleeper, "fast");
  limits_.turn_time_ns = 2'000'000;
  for (int i = 0; i < 40; ++i)
    post(sleeper, "slow");
  EXPECT_LE(turn(), 24U + 16U) << "at most 16 messages pass between two looks at the clock";
  run();
}

TEST_F(ShardFairness, LongestTurnIsToldAndKept) {
  const AgentId sleeper = create({.type = "sleeper"}).value();
  const shm::ShardMetrics& metrics = segment_.metrics(0);
  post(sleeper, "slow");
  turn();
  const std::uint64_t longest_ns = metrics.longest_turn_ns;
  EXPECT_GE(longest_ns, 1'000'000U);
  post(sleeper, "slow");
  turn();
  EXPECT_GE(metrics.longest_turn_ns, longest_ns);
  EXPECT_GE(metrics.busy_ns, longest_ns + 1'000'000);
}

TEST(ShardMetrics, ShorterTurnsAndThoseOfAClockThatWentBackChangeNothing) {
  shm::ShardMetrics metrics{};
  for (const std::int64_t took_ns : {5, 9, 3, -7})
    metrics.note_turn(took_ns);
  EXPECT_EQ(metrics.longest_turn_ns, 9U);
  EXPECT_EQ(metrics.busy_ns, 17U);
}

// The writer evicts with no patience at all, so it laps a reader that is in the middle of skipping.
TEST_F(ShardFairness, EvictedReaderCountsOnlyWhatItMissed) {
  if (tests::kThreadSanitizer) {
    GTEST_SKIP() << "reads an event first and asks for its eviction afterwards: a race by design";
  }
  ASSERT_TRUE(create({.subscribe = {"job.*"}}));
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> published{0};
  std::thread writer([&] {
    auto log = shm::EventLogWriter::open(segment_.log(kFirstClient), segment_.endpoints()).value();
    const std::vector<std::byte> body(300, std::byte{0x7F});
    shm::MessageHeader header{};
    header.symbol = segment_.symbols().intern("other.topic").value();
    header.source = client_id(kFirstClient).value();
    header.sent_ns = 1;
    while (!is_over) {
      header.id = log.sequence();
      const auto length = static_cast<std::uint32_t>(8 + published * 37 % 280);
      const auto room = log.claim(sizeof header + length, 1);
      if (!room) {
        const std::uint32_t slowest = log.slowest_reader();
        if (slowest != shm::EventLogWriter::kNobody) log.evict(slowest);
        continue;
      }
      shm::compose(*room, header, std::span{body}.first(length));
      log.publish();
      if (++published % 16 != 0) continue;
      shm::full_fence();
      segment_.announce(kFirstClient, 1);
    }
  });
  const std::int64_t end_ns = shm::monotonic_ns() + 500'000'000;
  while (shm::monotonic_ns() < end_ns)
    turn();
  is_over = true;
  writer.join();
  run();
  EXPECT_LE(record().events_missed, published);
}

}  // namespace
}  // namespace mabeam::worker

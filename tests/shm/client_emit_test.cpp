// Client: emitting events, whom that wakes, who may hold it up, and what was delivered.
#include "shm/event_log.hpp"
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClientEmit : public ClientTest {
 protected:
  /// A shard's cursor in this client's log.
  EventLogReader join(std::uint32_t reader) {
    EventLogReader log =
        EventLogReader::open(segment_.log(own_), segment_.endpoints(), reader).value();
    log.join();
    return log;
  }

  void subscribe(std::uint32_t reader, std::string_view pattern) {
    segment_.subscriptions(reader)[0].word.store(
        SubscriptionWord{segment_.symbols().intern(pattern).value(), 0}.pack());
    segment_.header().subscription_epoch.fetch_add(1);
  }

  /// Takes up to `limit` events and gives them back. Returns how many.
  static int read(EventLogReader& log, int limit = 1'000'000) {
    Record record;
    int count = 0;
    while (count < limit && log.peek(record).value()) {
      log.advance(record.end, parse(record)->header.id + 1);
      ++count;
    }
    log.release();
    return count;
  }

  [[nodiscard]] std::uint64_t ready_bits(std::uint32_t endpoint) const {
    return segment_.endpoint(endpoint).ready[0].load();
  }

  int fill(std::string_view topic = "a.b") {
    int count = 0;
    while (client_.emit(topic, "payload!"))
      ++count;
    return count;
  }

  Client client_ = attach();
  std::uint32_t own_ = static_cast<std::uint32_t>(client_.id().endpoint());
};

TEST_F(ClientEmit, RateIsRefusedAndCounted) {
  segment_.limits().settings[2].runtime.store(RateSetting{.rate = 1, .burst = 2}.pack());
  EXPECT_EQ(fill(), 3);
  EXPECT_EQ(code_of(client_.emit("a.b", "payload!")), Errc::rate_limited);
  const std::vector<EventItem> two(2,
                                   EventItem{segment_.symbols().intern("a.b").value(), "payload!"});
  EXPECT_EQ(code_of(client_.emit_batch(two, {.atomic = Atomic::yes}).at(1)), Errc::rate_limited);
  EXPECT_EQ(code_of(client_.emit_batch(two, {}).at(0)), Errc::rate_limited);
  segment_.limits().settings[2].runtime.store(0);
  EXPECT_TRUE(client_.emit("a.b", "payload!"));
}

TEST_F(ClientEmit, AnEventArrivesAsItWasEmitted) {
  EventLogReader log = join(1);
  ASSERT_TRUE(client_.emit("pkg.libs", 42));
  ASSERT_TRUE(client_.emit("pkg.utils"));
  Record record;
  ASSERT_TRUE(log.peek(record).value());
  const Received event = parse(record).value();
  EXPECT_EQ(event.kind, Kind::event);
  EXPECT_EQ(segment_.symbols().text(event.header.symbol), "pkg.libs");
  EXPECT_EQ(event.header.id, 0U);
  EXPECT_EQ(AgentId{event.header.source}, client_.id());
  EXPECT_EQ(event.view().as<int>(), 42);
  log.advance(record.end, 1);
  ASSERT_TRUE(log.peek(record).value());
  EXPECT_EQ(parse(record)->header.id, 1U);
  EXPECT_EQ(slot_of(client_).published.load(), 2U);
}

TEST_F(ClientEmit, TopicsAreChecked) {
  EXPECT_EQ(client_.emit("a..b").error(), (Error{Errc::bad_topic, 2}));
  EXPECT_EQ(client_.emit("a.*").error(), (Error{Errc::bad_topic, 2}));
  EXPECT_EQ(code_of(client_.emit("")), Errc::bad_topic);
  EXPECT_EQ(code_of(client_.emit(std::string(256, 'x'))), Errc::bad_topic);
  EXPECT_EQ(code_of(client_.emit(client_.symbol("a.>").value())), Errc::bad_topic);
  EXPECT_EQ(code_of(client_.emit("a.>")), Errc::bad_topic);  // interned does not mean a topic
  EXPECT_EQ(code_of(client_.emit(Symbol::none)), Errc::bad_topic);
  EXPECT_EQ(code_of(client_.emit(Symbol{0xFFFFFFFF})), Errc::bad_topic);
  EXPECT_TRUE(client_.emit(client_.symbol("a.b").value(), 1));
}

TEST_F(ClientEmit, OverAQuarterOfTheLogAndItsBlocksIsTooLarge) {
  const std::string large(16U << 10U, 'x');
  EXPECT_EQ(code_of(client_.emit("a", large + "y")), Errc::payload_too_large);
  EXPECT_TRUE(client_.emit("a", large));
  EXPECT_TRUE(client_.emit("a", std::string_view{large}.substr(64)));
}

TEST_F(ClientEmit, OnlyTheInterestedAreWoken) {
  join(1);
  join(2);
  subscribe(1, "pkg.*");
  subscribe(2, "jobs");
  ASSERT_TRUE(client_.emit("pkg.libs"));
  EXPECT_EQ(ready_bits(1), 1U << own_);
  EXPECT_EQ(ready_bits(2), 0U);
  ASSERT_TRUE(client_.emit("jobs"));
  EXPECT_EQ(ready_bits(2), 1U << own_);
}

// Nobody wakes a reader of other topics for an event, but one that holds the log is woken to skip.
TEST_F(ClientEmit, AReaderBehindHalfTheLogIsWoken) {
  EventLogReader log = join(2);
  const int before_half = (64 << 10) / 2 / 72 - 1;
  for (int i = 0; i < before_half; ++i)
    ASSERT_TRUE(client_.emit("a.b", "payload!"));
  EXPECT_EQ(ready_bits(2), 0U);
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(client_.emit("a.b", "payload!"));
  EXPECT_EQ(ready_bits(2), 1U << own_);
  EXPECT_GT(read(log), before_half);
}

TEST_F(ClientEmit, WithoutReadersNothingHoldsItUp) {
  for (int i = 0; i < 5000; ++i)
    ASSERT_TRUE(client_.emit("a.b", "payload!"));
}

TEST_F(ClientEmit, AReaderThatStandsStillIsBackpressure) {
  EventLogReader log = join(1);
  const int count = fill();
  EXPECT_EQ(count, (64 << 10) / 72);
  EXPECT_EQ(code_of(client_.emit("a.b", "payload!")), Errc::backpressure);
  EXPECT_EQ(refused_by(client_), 2U);
  EXPECT_EQ(read(log, 5), 5);
  EXPECT_TRUE(client_.emit("a.b", "payload!"));
  EXPECT_EQ(read(log), count - 4);
}

TEST_F(ClientEmit, AWaitEndsWithTheRoomOrTheTime) {
  EventLogReader log = join(1);
  fill();
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(client_.emit("a.b", "payload!", milliseconds{30})), Errc::backpressure);
  EXPECT_GE(since(start), milliseconds{30});
  EXPECT_LT(since(start), milliseconds{900});
  std::thread reader([&] {
    std::this_thread::sleep_for(milliseconds{30});
    read(log, 10);
  });
  EXPECT_TRUE(client_.emit("a.b", "payload!", seconds{20}));
  reader.join();
  EXPECT_FALSE(log.is_evicted());
}

TEST_F(ClientEmit, AReaderThatStandsStillForStallTimeoutIsEvicted) {
  segment_.header().tunables.stall_timeout_ns.store(50'000'000);
  EventLogReader log = join(1);
  fill();
  const std::int64_t start = monotonic_ns();
  EXPECT_TRUE(client_.emit("a.b", "payload!", seconds{20}));
  EXPECT_GE(since(start), milliseconds{40});
  EXPECT_LT(since(start), seconds{5});
  EXPECT_TRUE(log.is_evicted());
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(client_.emit("a.b", "payload!"));
}

TEST_F(ClientEmit, AReaderThatMovesIsNotEvicted) {
  segment_.header().tunables.stall_timeout_ns.store(600'000'000);
  EventLogReader log = join(1);
  fill();
  for (int i = 0; i < 8; ++i) {  // longer than the timeout, in all
    read(log, 1);                // slow, but not standing still
    ASSERT_TRUE(client_.emit("a.b", "payload!"));
    EXPECT_EQ(code_of(client_.emit("a.b", "payload!", milliseconds{100})), Errc::backpressure);
  }
  EXPECT_FALSE(log.is_evicted());
}

// Emitters that do not wait evict as well: from refusal to refusal.
TEST_F(ClientEmit, AnEmitterThatDoesNotWaitEvictsToo) {
  segment_.header().tunables.stall_timeout_ns.store(20'000'000);
  EventLogReader log = join(1);
  fill();
  const std::int64_t start = monotonic_ns();
  while (!client_.emit("a.b", "payload!") && since(start) < seconds{10}) {
  }
  EXPECT_TRUE(log.is_evicted());
}

// ---- wait_delivered --------------------------------------------------------------------------

TEST_F(ClientEmit, WithoutSubscribersNothingIsDelivered) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(client_.emit("a.b"));
  const DeliveryStatus status = client_.wait_delivered(seconds{20});
  EXPECT_EQ(status.accepted, 5U);
  EXPECT_EQ(status.delivered, 0U);
}

TEST_F(ClientEmit, DeliveredIsWhatEverySubscriberHasPassed) {
  EventLogReader first = join(1);
  EventLogReader second = join(2);
  subscribe(1, "a.*");
  subscribe(2, ">");
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(client_.emit("a.b"));
  read(first);
  DeliveryStatus status = client_.wait_delivered(milliseconds{20});
  EXPECT_EQ(status.accepted, 10U);
  EXPECT_EQ(status.delivered, 0U);
  std::thread reader([&] {
    std::this_thread::sleep_for(milliseconds{30});
    read(second);
  });
  status = client_.wait_delivered(seconds{20});
  reader.join();
  EXPECT_EQ(status.accepted, 10U);
  EXPECT_EQ(status.delivered, 10U);
}

TEST_F(ClientEmit, AReaderOfOtherTopicsIsNotWaitedFor) {
  EventLogReader interested = join(1);
  const EventLogReader idle = join(2);
  subscribe(1, "a.b");
  subscribe(2, "elsewhere");
  ASSERT_TRUE(client_.emit("a.b"));
  ASSERT_TRUE(client_.emit("nobody.listens"));
  read(interested);
  const DeliveryStatus status = client_.wait_delivered(seconds{20});
  EXPECT_EQ(status.accepted, 2U);
  EXPECT_EQ(status.delivered, 1U);
  EXPECT_TRUE(idle.is_joined());
}

TEST_F(ClientEmit, PartOfItIsToldALittleLow) {
  EventLogReader log = join(1);
  subscribe(1, "a.b");
  for (int i = 0; i < 800; ++i)
    ASSERT_TRUE(client_.emit("a.b", "payload!"));
  read(log, 400);
  const DeliveryStatus status = client_.wait_delivered(milliseconds{5});
  EXPECT_EQ(status.accepted, 800U);
  EXPECT_LE(status.delivered, 400U);
  EXPECT_GE(status.delivered, 400U - (64U << 10U) / 64 / 72 - 2);
  read(log);
  EXPECT_EQ(client_.wait_delivered(milliseconds{5}).delivered, 800U);
}

TEST_F(ClientEmit, DeliveryIsCountedOverManyRoundsOfTheLog) {
  EventLogReader log = join(1);
  subscribe(1, "a.b");
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(client_.emit("a.b", "payload!"));
    if (i % 300 == 0) read(log);
  }
  read(log);
  EXPECT_EQ(client_.wait_delivered(milliseconds{5}).delivered, 20'000U);
  EXPECT_EQ(client_.wait_delivered(milliseconds{5}).accepted, 20'000U);
}

TEST_F(ClientEmit, WhatAnEvictedSubscriberLosesIsMissedAndNotDelivered) {
  segment_.header().tunables.stall_timeout_ns.store(1'000'000);
  EventLogReader stopped = join(1);
  subscribe(1, "a.b");
  std::uint64_t before = 0;
  while (!stopped.is_evicted()) {
    if (client_.emit("a.b", "payload!", seconds{10})) ++before;
  }
  DeliveryStatus status = client_.wait_delivered(milliseconds{5});
  EXPECT_EQ(status.delivered, 0U);
  EXPECT_GE(status.missed + 1, before) << "all but the one that came after the eviction";
  ASSERT_TRUE(client_.emit("a.b", "payload!"));
  status = client_.wait_delivered(milliseconds{5});
  EXPECT_EQ(status.missed, status.accepted);
  EXPECT_EQ(status.pending, 0U);
  (void)stopped.rejoin();
  ASSERT_TRUE(client_.emit("a.b", "payload!"));
  read(stopped);
  status = client_.wait_delivered(seconds{20});
  EXPECT_EQ(status.delivered, 1U) << "it has come back";
}

}  // namespace
}  // namespace mabeam::shm

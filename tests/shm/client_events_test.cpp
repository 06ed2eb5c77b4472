// Client: subscribing, and what poll_events() hands out: everything that matches from then on, and
// exactly how much was missed.
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
using std::chrono::nanoseconds;
using std::chrono::seconds;

class ClientEventsTest : public ClientTest {
 protected:
  std::vector<std::string> poll(std::size_t limit = 1000, nanoseconds wait = {}) {
    std::vector<std::string> events;
    const auto polled = reader_.poll_events(
        [&](const EventView& event) {
          events.push_back(std::string{event.topic} + "=" + std::string{event.payload.text()});
        },
        limit, wait);
    EXPECT_TRUE(polled);
    EXPECT_EQ(polled.value_or(0), events.size());
    return events;
  }

  [[nodiscard]] std::uint32_t emitter_endpoint() const {
    return static_cast<std::uint32_t>(emitter_.id().endpoint());
  }

  Client reader_ = attach();
  Client emitter_ = attach();
};

using Events = std::vector<std::string>;

TEST_F(ClientEventsTest, WhatMatchesIsHandedOut) {
  ASSERT_TRUE(reader_.subscribe("pkg.*"));
  ASSERT_TRUE(reader_.subscribe("jobs.>"));
  ASSERT_TRUE(emitter_.emit("pkg.libs", "1") && emitter_.emit("pkg", "2") &&
              emitter_.emit("jobs.new.high", "3") && emitter_.emit("other", "4"));
  EXPECT_EQ(poll(), (Events{"pkg.libs=1", "jobs.new.high=3"}));
  EXPECT_EQ(poll(), Events{});
}

TEST_F(ClientEventsTest, AnEventSaysWhereItIsFrom) {
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(emitter_.emit("b") && emitter_.emit("a", 7));
  EventView seen;
  std::int64_t number = 0;
  ASSERT_TRUE(reader_.poll_events(
      [&](const EventView& event) {
        seen = event;
        number = event.payload.as<std::int64_t>().value_or(0);
      },
      10, {}));
  EXPECT_EQ(seen.topic, "a");
  EXPECT_EQ(seen.source, emitter_.id());
  EXPECT_EQ(seen.sequence, 1U);
  EXPECT_LE(seen.emitted_ns, monotonic_ns());
  EXPECT_EQ(number, 7);
}

TEST_F(ClientEventsTest, NothingFromBeforeIsHandedOut) {
  ASSERT_TRUE(emitter_.emit("a", "before"));
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(emitter_.emit("a", "after") && emitter_.emit("b", "before"));
  ASSERT_TRUE(reader_.subscribe("b"));
  ASSERT_TRUE(emitter_.emit("b", "after"));
  EXPECT_EQ(poll(), (Events{"a=after", "b=after"}));
}

TEST_F(ClientEventsTest, WithoutASubscriptionNoLogIsHeld) {
  EXPECT_EQ(poll(), Events{});
  for (int i = 0; i < 3000; ++i)
    ASSERT_TRUE(emitter_.emit("a", "payload!"));
}

TEST_F(ClientEventsTest, OverlappingPatternsHandOutOnce) {
  ASSERT_TRUE(reader_.subscribe("a.*") && reader_.subscribe("a.b") && reader_.subscribe(">"));
  ASSERT_TRUE(reader_.subscribe("a.b"));
  ASSERT_TRUE(emitter_.emit("a.b", "x"));
  EXPECT_EQ(poll(), Events{"a.b=x"});
}

TEST_F(ClientEventsTest, ItsOwnEventsAreEventsToo) {
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(reader_.emit("a", "mine"));
  EXPECT_EQ(poll(), Events{"a=mine"});
}

// Only itself can make room then, so waiting would be in vain.
TEST_F(ClientEventsTest, AClientDoesNotWaitForItself) {
  ASSERT_TRUE(reader_.subscribe("a"));
  while (reader_.emit("a", "payload!")) {
  }
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(reader_.emit("a", "payload!", seconds{20})), Errc::backpressure);
  EXPECT_LT(since(start), seconds{5});
  EXPECT_GT(poll().size(), 500U);
  EXPECT_TRUE(reader_.emit("a", "payload!"));
}

TEST_F(ClientEventsTest, ShardsAndClientsAreReadInTurn) {
  ASSERT_TRUE(reader_.subscribe(">"));
  auto shard = EventLogWriter::open(segment_.log(1), segment_.endpoints()).value();
  const Symbol topic = segment_.symbols().intern("from.shard").value();
  for (std::uint64_t i = 0; i < 10; ++i) {
    MessageHeader header;
    header.symbol = topic;
    header.id = shard.sequence();
    header.sent_ns = monotonic_ns();
    compose(shard.claim(sizeof header, static_cast<std::uint16_t>(Kind::event)).value(), header,
            {});
    ASSERT_TRUE(emitter_.emit("from.client"));
  }
  shard.publish();
  int shards_first = 0;
  for (int i = 0; i < 10; ++i) {
    const Events events = poll(2);
    ASSERT_EQ(events.size(), 2U);
    shards_first += events[0] == "from.shard=" ? 1 : 0;
  }
  EXPECT_GT(shards_first, 0);
  EXPECT_LT(shards_first, 10);
}

TEST_F(ClientEventsTest, TheLimitIsKeptAndNothingIsLost) {
  ASSERT_TRUE(reader_.subscribe("a"));
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(emitter_.emit("a", std::to_string(i)));
  int next = 0;
  while (next < 300) {
    for (const std::string& event : poll(7))
      ASSERT_EQ(event, "a=" + std::to_string(next++));
  }
  EXPECT_EQ(poll(0), Events{});
  EXPECT_EQ(reader_.events_missed(), 0U);
}

TEST_F(ClientEventsTest, AWaitingReaderIsWoken) {
  ASSERT_TRUE(reader_.subscribe("a"));
  std::thread thread([&] {
    std::this_thread::sleep_for(milliseconds{40});
    ASSERT_TRUE(emitter_.emit("unwanted") && emitter_.emit("a", "wake up"));
  });
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(poll(10, seconds{20}), Events{"a=wake up"});
  EXPECT_LT(since(start), seconds{10});
  thread.join();
}

TEST_F(ClientEventsTest, AWaitEndsAlthoughUnwantedEventsKeepComing) {
  ASSERT_TRUE(reader_.subscribe("a"));
  std::atomic<bool> ended{false};
  std::thread thread([&] {
    while (!ended.load())
      (void)emitter_.emit("unwanted");
  });
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(poll(10, milliseconds{50}), Events{});
  EXPECT_GE(since(start), milliseconds{50});
  EXPECT_LT(since(start), seconds{10});
  ended.store(true);
  thread.join();
}

TEST_F(ClientEventsTest, AnEvictedReaderIsToldExactlyWhatItMissed) {
  segment_.header().tunables.stall_timeout_ns.store(10'000'000);
  ASSERT_TRUE(reader_.subscribe("a"));
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(emitter_.emit("a", "payload!"));
  EXPECT_EQ(poll(4).size(), 4U);
  for (int i = 0; i < 5000; ++i)
    ASSERT_TRUE(emitter_.emit("a", "payload!", seconds{20}));
  EXPECT_EQ(poll(), Events{});  // it goes on at the tail, and knows with the next event
  ASSERT_TRUE(emitter_.emit("a", "next"));
  EXPECT_EQ(poll(), Events{"a=next"});
  EXPECT_EQ(reader_.events_missed(), 5006U);
  EXPECT_EQ(slot_of(reader_).missed.load(), 5006U);
}

TEST_F(ClientEventsTest, AReaderThatDoesNotPollIsWaitedForOnce) {
  segment_.header().tunables.stall_timeout_ns.store(10'000'000);
  ASSERT_TRUE(reader_.subscribe("a"));
  int fit = 0;
  while (emitter_.emit("a", "payload!"))
    ++fit;
  ASSERT_TRUE(emitter_.emit("a", "payload!", seconds{20})) << "which evicts it";
  for (int i = 0; i < 2 * fit; ++i)
    ASSERT_TRUE(emitter_.emit("a", "payload!")) << "nobody is waited for";
  EXPECT_EQ(poll(), Events{});  // from here on it is waited for again
  for (int i = 0; i < fit; ++i)
    ASSERT_TRUE(emitter_.emit("a", "payload!"));
  EXPECT_FALSE(emitter_.emit("a", "payload!"));
  EXPECT_EQ(poll().size(), static_cast<std::size_t>(fit));
  EXPECT_EQ(reader_.events_missed(), static_cast<std::uint64_t>(fit + 1 + 2 * fit));
}

// What is handed out is a copy: an emitter that evicts a slow handler cannot change it.
TEST_F(ClientEventsTest, ASlowHandlersEventStaysWhole) {
  segment_.header().tunables.stall_timeout_ns.store(1'000'000);
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(emitter_.emit("a", std::string(500, 'x')));
  std::string seen;
  ASSERT_TRUE(reader_.poll_events(
      [&](const EventView& event) {
        for (int i = 0; i < 3000; ++i) {
          ASSERT_TRUE(emitter_.emit("a", std::string(100, 'y'), seconds{20}));
        }
        seen = event.payload.text();
      },
      1, {}));
  EXPECT_EQ(seen, std::string(500, 'x'));
}

TEST_F(ClientEventsTest, ADamagedLogIsGivenUpAndItsCostIsTold) {
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(emitter_.emit("a", "lost") && emitter_.emit("a", "lost"));
  const auto log = segment_.log(emitter_endpoint());
  const std::uint32_t length = 0x7FFFFFFF;
  std::memcpy(log.data() + log_bytes_for(segment_.endpoints(), 0), &length, sizeof length);
  EXPECT_EQ(poll(), Events{});
  ASSERT_TRUE(emitter_.emit("a", "next"));
  EXPECT_EQ(poll(), Events{"a=next"});
  EXPECT_EQ(reader_.events_missed(), 2U);
}

TEST_F(ClientEventsTest, ADamagedNumberIsNotTakenForAGap) {
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(emitter_.emit("a", "1"));
  const auto log = segment_.log(emitter_endpoint());
  const std::uint64_t number = std::uint64_t{1} << 60U;
  std::memcpy(log.data() + log_bytes_for(segment_.endpoints(), 0) + 8 + 24, &number, sizeof number);
  EXPECT_EQ(poll(), Events{"a=1"});
  ASSERT_TRUE(emitter_.emit("a", "2"));
  EXPECT_EQ(poll(), Events{"a=2"});
  EXPECT_EQ(reader_.events_missed(), 0U);
}

TEST_F(ClientEventsTest, PatternsAreChecked) {
  EXPECT_EQ(reader_.subscribe("a..b").error(), (Error{Errc::bad_topic, 2}));
  EXPECT_EQ(code_of(reader_.subscribe("")), Errc::bad_topic);
  EXPECT_EQ(code_of(reader_.subscribe("a.>.b")), Errc::bad_topic);
}

TEST_F(ClientEventsTest, AFullTableIsRefused) {
  for (std::uint32_t i = 0; i < kClientSubscriptions; ++i) {
    ASSERT_TRUE(reader_.subscribe("topic." + std::to_string(i)));
  }
  EXPECT_EQ(code_of(reader_.subscribe("one.more")), Errc::subscriptions_full);
  EXPECT_TRUE(reader_.subscribe("topic.7"));  // it has that one
}

TEST_F(ClientEventsTest, TheEndOfTheRuntimeComesAfterTheLastEvent) {
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(emitter_.emit("a", "last"));
  segment_.remove();
  EXPECT_EQ(poll(10, seconds{20}), Events{"a=last"});
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(reader_.poll_events([](const EventView&) {}, 10, seconds{20})),
            Errc::not_running);
  EXPECT_EQ(code_of(reader_.poll_events([](const EventView&) {}, 10, {})), Errc::not_running);
  EXPECT_LT(since(start), seconds{10});
}

TEST_F(ClientEventsTest, LeavingLeavesEveryLog) {
  {
    Client third = attach();
    ASSERT_TRUE(third.subscribe(">"));
  }
  for (int i = 0; i < 3000; ++i)
    ASSERT_TRUE(emitter_.emit("a", "payload!"));
}

}  // namespace
}  // namespace mabeam::shm

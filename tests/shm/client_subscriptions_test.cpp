// Client: subscriptions that name a source, that want the latest, and that end.
#include "shm/event_log.hpp"
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

using Heard = std::vector<std::string>;

constexpr SubscribeOptions kLatest{.delivery = Delivery::latest};

class ClientSubscriptionsTest : public ClientTest {
 protected:
  Heard poll(std::size_t limit = 100'000) {
    Heard events;
    const auto polled = reader_.poll_events(
        [&](const EventView& event) {
          events.push_back(std::string{event.topic} + "=" + std::string{event.payload.text()});
        },
        limit, {});
    EXPECT_TRUE(polled);
    return events;
  }

  [[nodiscard]] std::uint32_t reader_endpoint() const {
    return static_cast<std::uint32_t>(reader_.id().endpoint());
  }

  [[nodiscard]] std::size_t entries() const {
    const auto table = segment_.subscriptions(reader_endpoint());
    return static_cast<std::size_t>(std::count_if(
        table.begin(), table.end(), [](const Subscription& e) { return e.word.load() != 0; }));
  }

  /// The reader's cursor in the emitter's log is in force.
  [[nodiscard]] bool holds_a_log() const {
    const std::span<std::byte> log =
        segment_.log(static_cast<std::uint32_t>(emitter_.id().endpoint()));
    const auto* cursors = reinterpret_cast<const LogCursor*>(log.data() + sizeof(LogHeader));
    return cursors[reader_endpoint()].position.load() != kNotReading;
  }

  Client reader_ = attach();
  Client emitter_ = attach();
  Client other_ = attach();
};

TEST_F(ClientSubscriptionsTest, ASourceChooses) {
  ASSERT_TRUE(reader_.subscribe("a", {.source = emitter_.id()}));
  ASSERT_TRUE(emitter_.emit("a", "1") && other_.emit("a", "2") && emitter_.emit("b", "3"));
  EXPECT_EQ(poll(), Heard{"a=1"});
}

TEST_F(ClientSubscriptionsTest, AnEndpointChooses) {
  const auto endpoint = static_cast<std::uint32_t>(other_.id().endpoint());
  ASSERT_TRUE(reader_.subscribe(">", {.endpoint = endpoint}));
  ASSERT_TRUE(emitter_.emit("a", "1") && other_.emit("a", "2"));
  EXPECT_EQ(poll(), Heard{"a=2"});
}

TEST_F(ClientSubscriptionsTest, SourcesOfOnePatternAddUp) {
  ASSERT_TRUE(reader_.subscribe("a", {.source = emitter_.id()}));
  ASSERT_TRUE(reader_.subscribe("a", {.source = other_.id()}));
  EXPECT_EQ(entries(), 1U);
  ASSERT_TRUE(emitter_.emit("a", "1") && other_.emit("a", "2") && reader_.emit("a", "3"));
  Heard events = poll();
  std::sort(events.begin(), events.end());
  EXPECT_EQ(events, (Heard{"a=1", "a=2"}));
  ASSERT_TRUE(reader_.unsubscribe("a", {.source = emitter_.id()}));
  EXPECT_EQ(entries(), 1U);
  ASSERT_TRUE(emitter_.emit("a", "4") && other_.emit("a", "5"));
  EXPECT_EQ(poll(), Heard{"a=5"});
}

TEST_F(ClientSubscriptionsTest, ASubscriptionEnds) {
  ASSERT_TRUE(reader_.subscribe("a") && reader_.subscribe("b"));
  ASSERT_TRUE(emitter_.emit("a", "1") && emitter_.emit("b", "2"));
  ASSERT_TRUE(reader_.unsubscribe("a"));
  EXPECT_EQ(poll(), Heard{"b=2"}) << "what was not handed out yet is not any more";
  EXPECT_EQ(entries(), 1U);
  EXPECT_TRUE(holds_a_log());
  ASSERT_TRUE(reader_.unsubscribe("b"));
  EXPECT_EQ(entries(), 0U);
  EXPECT_FALSE(holds_a_log()) << "a client that wants nothing holds nobody back";
  EXPECT_EQ(code_of(reader_.unsubscribe("b")), Errc::not_found);
  ASSERT_TRUE(emitter_.emit("a", "3") && reader_.subscribe("a") && emitter_.emit("a", "4"));
  EXPECT_EQ(poll(), Heard{"a=4"});
}

TEST_F(ClientSubscriptionsTest, EntriesOfEndedSubscriptionsAreUsedAgain) {
  for (std::uint32_t i = 0; i < 2 * kClientSubscriptions; ++i) {
    const std::string pattern = "topic." + std::to_string(i);
    ASSERT_TRUE(reader_.subscribe(pattern)) << i;
    ASSERT_TRUE(reader_.unsubscribe(pattern)) << i;
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(ClientSubscriptionsTest, AHandlerMaySubscribeAndUnsubscribe) {
  ASSERT_TRUE(reader_.subscribe("a"));
  ASSERT_TRUE(emitter_.emit("a", "1") && emitter_.emit("a", "2") && emitter_.emit("b", "3"));
  std::size_t count = 0;
  ASSERT_TRUE(reader_.poll_events(
      [&](const EventView&) {
        ++count;
        EXPECT_TRUE(reader_.unsubscribe("a") && reader_.subscribe("b", kLatest));
      },
      10, {}));
  EXPECT_EQ(count, 1U);
  EXPECT_FALSE(holds_a_log());
  ASSERT_TRUE(emitter_.emit("b", "4"));
  EXPECT_EQ(poll(), Heard{"b=4"});
}

TEST_F(ClientSubscriptionsTest, TheLatestHoldsNobodyBackAndIsToldWhatItMissed) {
  ASSERT_TRUE(reader_.subscribe("a", kLatest));
  EXPECT_FALSE(holds_a_log());
  constexpr std::uint64_t kEvents = 3000;
  for (std::uint64_t i = 0; i < kEvents; ++i)
    ASSERT_TRUE(emitter_.emit("a", std::to_string(i)));
  const Heard events = poll();
  EXPECT_GT(events.size(), 100U);
  EXPECT_EQ(events.back(), "a=" + std::to_string(kEvents - 1));
  EXPECT_GT(reader_.events_missed(), 0U);
  EXPECT_EQ(events.size() + reader_.events_missed(), kEvents);
  EXPECT_EQ(slot_of(reader_).missed.load(), reader_.events_missed());
  EXPECT_EQ(poll(), Heard{});
}

TEST_F(ClientSubscriptionsTest, TheLatestBeginsWithItself) {
  ASSERT_TRUE(emitter_.emit("a", "before"));
  ASSERT_TRUE(reader_.subscribe("a", kLatest));
  ASSERT_TRUE(emitter_.emit("a", "after"));
  EXPECT_EQ(poll(), Heard{"a=after"});
}

TEST_F(ClientSubscriptionsTest, WhatIsWantedBothWaysComesOnce) {
  ASSERT_TRUE(reader_.subscribe("a.*", kLatest) && reader_.subscribe("a.b"));
  ASSERT_TRUE(emitter_.emit("a.b", "1") && emitter_.emit("a.c", "2"));
  Heard events = poll();
  std::sort(events.begin(), events.end());
  EXPECT_EQ(events, (Heard{"a.b=1", "a.c=2"}));
}

TEST_F(ClientSubscriptionsTest, ADeliveryIsChanged) {
  ASSERT_TRUE(reader_.subscribe("a", kLatest) && reader_.subscribe("a"));
  EXPECT_EQ(entries(), 1U);
  EXPECT_TRUE(holds_a_log());
  ASSERT_TRUE(emitter_.emit("a", "1"));
  EXPECT_EQ(poll(), Heard{"a=1"});
  ASSERT_TRUE(reader_.subscribe("a", kLatest));
  EXPECT_FALSE(holds_a_log());
  ASSERT_TRUE(emitter_.emit("a", "2"));
  EXPECT_EQ(poll(), Heard{"a=2"});
}

TEST_F(ClientSubscriptionsTest, NobodyWaitsForTheLatest) {
  ASSERT_TRUE(reader_.subscribe("a", kLatest));
  ASSERT_TRUE(emitter_.emit("a", "1"));
  const DeliveryStatus status = emitter_.wait_delivered(std::chrono::seconds{10});
  EXPECT_EQ(status.pending, 0U);
  EXPECT_EQ(status.missed, 0U);
}

TEST_F(ClientSubscriptionsTest, AReplayIsAnEventForOneAgent) {
  const AgentId agent = shards_[0].put_agent();
  HistoryEvent event;
  event.topic = "job.done";
  event.payload = {std::byte{7}};
  event.content = Content::bytes;
  event.source = other_.id();
  ASSERT_TRUE(reader_.replay(agent, event));
  const std::vector<Taken> taken = shards_[0].take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].kind, Kind::event);
  EXPECT_EQ(taken[0].header.target, agent.value());
  EXPECT_EQ(taken[0].header.source, reader_.id().value());
  EXPECT_EQ(taken[0].header.correlation, other_.id().value());
  EXPECT_EQ(segment_.symbols().text(taken[0].header.symbol), "job.done");
  EXPECT_EQ(taken[0].payload, event.payload);
  event.topic = "a..b";
  EXPECT_EQ(code_of(reader_.replay(agent, event)), Errc::bad_topic);
  event.topic = "a";
  EXPECT_EQ(code_of(reader_.replay(AgentId{1}, event)), Errc::not_found);
}

}  // namespace
}  // namespace mabeam::shm

// Observer::topics() and Observer::channels(): what is said, who listens, and who holds whom.
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace mabeam {
namespace {

using tests::SegmentFiller;
using tests::TestSegment;

class ObserverChannels : public ::testing::Test {
 protected:
  void SetUp() override { filler_.start(); }

  [[nodiscard]] TopicView topic(std::string_view name) const {
    const TopicsView view = observer_.topics().value();
    for (const TopicView& each : view.topics)
      if (each.topic == name) return each;
    ADD_FAILURE() << "no topic " << name;
    return {};
  }

  [[nodiscard]] PatternView pattern(std::string_view text) const {
    const TopicsView view = observer_.topics().value();
    for (const PatternView& each : view.patterns)
      if (each.pattern == text) return each;
    ADD_FAILURE() << "no pattern " << text;
    return {};
  }

  [[nodiscard]] std::optional<ChannelView> channel(std::uint32_t from, std::uint32_t to,
                                                   Priority priority) const {
    const ChannelsView view = observer_.channels();
    for (const ChannelView& each : view.channels)
      if (each.from == from && each.to == to && each.priority == priority) return each;
    return std::nullopt;
  }

  [[nodiscard]] LogView log(std::uint32_t endpoint) const {
    const ChannelsView view = observer_.channels();
    for (const LogView& each : view.logs)
      if (each.log == endpoint) return each;
    ADD_FAILURE() << "no log " << endpoint;
    return {};
  }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
  Observer observer_ = Observer::attach(segment_.name()).value();
};

using ObserverTopics = ObserverChannels;

TEST_F(ObserverTopics, EventsOfATopicAreCountedInAllLogs) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(3, "job.done", "b");
  filler_.emit(1, "job.new", "c");
  const TopicsView view = observer_.topics().value();
  ASSERT_EQ(view.topics.size(), 2U);
  EXPECT_EQ(view.topics[0].topic, "job.done");
  EXPECT_EQ(view.topics[0].events, 2U);
  EXPECT_GT(view.topics[0].last_ns, 0);
  EXPECT_EQ(view.topics[1].events, 1U);
  EXPECT_EQ(view.gone, 0U);
}

TEST_F(ObserverTopics, ASubscriberCountsOnceWhateverItsPatterns) {
  const std::array<std::string_view, 2> both{"job.*", "job.done"};
  AgentOptions options;
  options.subscribe = both;
  const AgentId agent = filler_.create("counter", options);
  filler_.emit(1, "job.done", "a");
  const TopicView found = topic("job.done");
  EXPECT_EQ(found.subscribers, 1U);
  EXPECT_EQ(found.patterns.size(), 2U);
  ASSERT_EQ(pattern("job.*").subscribers.size(), 1U);
  EXPECT_EQ(pattern("job.*").subscribers[0].id, agent);
  EXPECT_EQ(pattern("job.*").topics, 1U);
}

TEST_F(ObserverTopics, APatternWithoutAnEventIsThereWithNoTopics) {
  const std::array<std::string_view, 2> both{"quiet.*", "quiet.one"};
  AgentOptions options;
  options.subscribe = both;
  filler_.create("counter", options);
  EXPECT_EQ(pattern("quiet.*").topics, 0U);
  EXPECT_EQ(topic("quiet.one").events, 0U);
  EXPECT_EQ(topic("quiet.one").subscribers, 1U);
}

TEST_F(ObserverTopics, WhoIsGoneIsNoSubscriber) {
  const std::array<std::string_view, 1> one{"job.*"};
  AgentOptions options;
  options.subscribe = one;
  const AgentId agent = filler_.create("counter", options);
  EXPECT_EQ(observer_.topics().value().patterns.size(), 1U);
  filler_.end(agent);
  EXPECT_TRUE(observer_.topics().value().patterns.empty());
}

TEST_F(ObserverTopics, APatternChooses) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(1, "pkg.libs", "b");
  EXPECT_EQ(observer_.topics("pkg.>").value().topics.size(), 1U);
  EXPECT_EQ(observer_.topics("a..b").error().code, Errc::bad_topic);
}

TEST_F(ObserverChannels, ARingSaysWhatWaitsInIt) {
  const AgentId agent = filler_.create("counter");
  EXPECT_FALSE(channel(3, 1, Priority::low));
  for (int i = 0; i < 3; ++i)
    filler_.send(3, agent, Priority::low, "work", "x");
  ASSERT_TRUE(channel(3, 1, Priority::low));
  const ChannelView full = *channel(3, 1, Priority::low);
  EXPECT_EQ(full.from_name, "client 0");
  EXPECT_EQ(full.to_name, "shard 0");
  EXPECT_EQ(full.waiting, 3U);
  EXPECT_EQ(full.capacity_bytes, 4096U);
  EXPECT_EQ(full.used_bytes, 3 * shm::record_bytes(sizeof(shm::MessageHeader) + 1));
  filler_.receive(3, 1, Priority::low, 2);
  EXPECT_EQ(channel(3, 1, Priority::low)->waiting, 1U);
  EXPECT_EQ(channel(3, 1, Priority::low)->total_bytes, full.total_bytes);
}

// The producer notes it when it looks at its reader, as it does when the ring is full.
TEST_F(ObserverChannels, AFullRingIsRemembered) {
  const AgentId agent = filler_.create("counter");
  auto ring = shm::RingProducer::open(segment_.get().ring(3, 1, Priority::normal)).value();
  while (ring.claim(120, static_cast<std::uint16_t>(shm::Kind::signal)))
    ring.publish();
  filler_.receive(3, 1, Priority::normal, 100);
  const ChannelView found = *channel(3, 1, Priority::normal);
  EXPECT_EQ(found.used_bytes, 0U);
  EXPECT_EQ(found.waiting, 0U);
  EXPECT_EQ(found.high_water_bytes, 4096U);
  (void)agent;
}

TEST_F(ObserverChannels, ALogSaysWhoHoldsIt) {
  filler_.listen(1);
  filler_.emit(3, "job.done", "a");
  filler_.emit(3, "job.done", "b");
  const LogView found = log(3);
  EXPECT_EQ(found.name, "client 0");
  EXPECT_EQ(found.events, 2U);
  ASSERT_EQ(found.readers.size(), 1U);
  EXPECT_EQ(found.readers[0].name, "shard 0");
  EXPECT_EQ(found.readers[0].behind_bytes, found.used_bytes);
  EXPECT_EQ(found.kept_bytes, found.used_bytes);
  EXPECT_FALSE(found.readers[0].is_evicted);
}

TEST_F(ObserverChannels, WhoWasEvictedIsNamed) {
  filler_.listen(1);
  filler_.emit(3, "job.done", "a");
  auto writer =
      shm::EventLogWriter::open(segment_.get().log(3), segment_.get().endpoints()).value();
  const auto kind = static_cast<std::uint16_t>(shm::Kind::event);
  while (writer.claim(8000, kind))
    writer.publish();
  EXPECT_GT(log(3).high_water_bytes, log(3).capacity_bytes / 4 * 3);
  writer.evict(1);
  const LogView found = log(3);
  EXPECT_EQ(found.evictions, 1U);
  ASSERT_EQ(found.readers.size(), 1U);
  EXPECT_TRUE(found.readers[0].is_evicted);
  EXPECT_EQ(found.used_bytes, 0U);
  EXPECT_GT(found.high_water_bytes, found.capacity_bytes / 4 * 3) << "it is remembered";
}

TEST_F(ObserverChannels, DamageIsLeftOutAndCounted) {
  filler_.emit(3, "job.done", "a");
  const AgentId agent = filler_.create("counter");
  filler_.send(3, agent, Priority::low, "work", "x");
  reinterpret_cast<shm::LogHeader*>(segment_.get().log(3).data())->oldest.store(1U << 20U);
  auto* ring = reinterpret_cast<shm::RingHeader*>(segment_.get().ring(3, 1, Priority::low).data());
  ring->head.store(1U << 20U);
  EXPECT_EQ(observer_.channels().damaged, 2U);
  ring->head.store(0);
  reinterpret_cast<std::uint32_t*>(ring + 1)[0] = ~0U;  // the first record's length
  EXPECT_EQ(channel(3, 1, Priority::low)->waiting, std::nullopt);
}

}  // namespace
}  // namespace mabeam

// Leftovers: what goes with a segment is counted, in rings and in logs.
#include "supervisor/leftovers.hpp"

#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "tests/support/test_segment.hpp"

#include <gtest/gtest.h>

namespace mabeam::supervisor {
namespace {

constexpr std::uint32_t kShard = 1;
constexpr std::uint32_t kLostClient = 3;

class LeftoversTest : public ::testing::Test {
 protected:
  void emit(std::string_view topic) {
    auto log = shm::EventLogWriter::open(segment_.log(kLostClient), segment_.endpoints()).value();
    shm::MessageHeader header{};
    header.symbol = segment_.symbols().intern(topic).value();
    header.id = log.sequence();
    const auto kind = static_cast<std::uint16_t>(shm::Kind::event);
    shm::compose(log.claim(sizeof header, kind).value(), header, {});
    log.publish();
  }

  void subscribe(std::string_view pattern) {
    const Symbol symbol = segment_.symbols().intern(pattern).value();
    segment_.subscriptions(kShard)[0].word.store(shm::SubscriptionWord{symbol, 1}.pack());
    segment_.header().subscription_epoch.fetch_add(1);
  }

  tests::TestSegment holder_;
  const shm::Segment& segment_ = holder_.get();
};

TEST_F(LeftoversTest, EventsThatASubscriberHasNotPassedAreCounted) {
  auto reader =
      shm::EventLogReader::open(segment_.log(kLostClient), segment_.endpoints(), kShard).value();
  emit("a.before");
  reader.join();
  subscribe("a.*");
  emit("a.first");
  emit("other.topic");
  emit("a.second");
  EXPECT_EQ(count_leftovers(segment_).events, 2U);
  shm::Record record;
  ASSERT_TRUE(reader.peek(record).value());
  reader.advance(record.end, 2);
  reader.release();
  EXPECT_EQ(count_leftovers(segment_).events, 1U);
}

TEST_F(LeftoversTest, NobodyWaitsForAnEvictedReader) {
  auto reader =
      shm::EventLogReader::open(segment_.log(kLostClient), segment_.endpoints(), kShard).value();
  reader.join();
  subscribe("a.*");
  emit("a.first");
  shm::EventLogWriter::open(segment_.log(kLostClient), segment_.endpoints()).value().evict(kShard);
  EXPECT_EQ(count_leftovers(segment_).events, 0U);
}

TEST_F(LeftoversTest, WhatWaitsForSuspendedAgentsIsCounted) {
  auto ring = shm::RingProducer::open(segment_.parking(0)).value();
  for (int i = 0; i < 3; ++i)
    shm::compose(ring.claim(sizeof(shm::MessageHeader), 2).value(), {}, {});
  ring.publish();
  EXPECT_EQ(count_leftovers(segment_).messages, 3U);
}

}  // namespace
}  // namespace mabeam::supervisor

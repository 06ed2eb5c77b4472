// SpscRing: records in order, whole, in place; both ends suspicious of everything in the ring.
#include "shm/spsc_ring.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kRingCapacity = 4096;

class SpscRing : public ::testing::Test {
 protected:
  SpscRing() { create_ring(memory_.span()); }

  [[nodiscard]] RingHeader& header() const {
    return *reinterpret_cast<RingHeader*>(memory_.span().data());
  }

  void start_at(std::uint64_t position) {
    header().tail.store(position);
    header().head.store(position);
  }

  static bool push(RingProducer& producer, std::string_view text) {
    const auto room = producer.claim(static_cast<std::uint32_t>(text.size()), 1);
    if (!room) return false;
    std::memcpy(room->data(), text.data(), text.size());
    return true;
  }

  static std::vector<std::string> drain(RingConsumer& consumer) {
    std::vector<std::string> texts;
    EXPECT_TRUE(consumer.poll([&](const Record& r) { texts.push_back(text_of(r.body)); }, 1000));
    return texts;
  }

  Memory memory_{sizeof(RingHeader) + kRingCapacity};
};

using Texts = std::vector<std::string>;

TEST_F(SpscRing, RecordsArriveInOrder) {
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "one") && push(producer, "two") && push(producer, ""));
  producer.publish();
  EXPECT_EQ(drain(consumer), (Texts{"one", "two", ""}));
  EXPECT_EQ(drain(consumer), Texts{});
  EXPECT_EQ(header().head.load(), header().tail.load());
}

TEST_F(SpscRing, KindAndFlagsArrive) {
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  ASSERT_TRUE(producer.claim(5, 7, 0xABCD));
  producer.publish();
  Record record;
  ASSERT_TRUE(consumer.peek(record).value());
  EXPECT_EQ(record.header.kind, 7);
  EXPECT_EQ(record.header.flags, 0xABCD);
  EXPECT_EQ(record.body.size(), 5U);
}

TEST_F(SpscRing, ClaimIsInvisibleUntilPublished) {
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "secret"));
  EXPECT_EQ(drain(consumer), Texts{});
  producer.publish();
  EXPECT_EQ(drain(consumer), Texts{"secret"});
}

TEST_F(SpscRing, DeathBeforePublishLeavesNothing) {
  auto producer = RingProducer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "kept"));
  producer.publish();
  ASSERT_TRUE(push(producer, "never happened"));
  auto successor = RingProducer::open(memory_.span()).value();
  ASSERT_TRUE(push(successor, "next"));
  successor.publish();
  auto consumer = RingConsumer::open(memory_.span()).value();
  EXPECT_EQ(drain(consumer), (Texts{"kept", "next"}));
}

TEST_F(SpscRing, DiscardForgetsEveryClaim) {
  auto producer = RingProducer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "a") && push(producer, "b"));
  producer.discard();
  ASSERT_TRUE(push(producer, "c"));
  producer.publish();
  auto consumer = RingConsumer::open(memory_.span()).value();
  EXPECT_EQ(drain(consumer), Texts{"c"});
}

TEST_F(SpscRing, RewindForgetsTheClaimsBehind) {
  auto producer = RingProducer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "stays"));
  const std::uint64_t position = producer.claimed();
  ASSERT_TRUE(push(producer, "goes"));
  producer.rewind(position);
  producer.publish();
  auto consumer = RingConsumer::open(memory_.span()).value();
  EXPECT_EQ(drain(consumer), Texts{"stays"});
}

TEST_F(SpscRing, PadRecordFillsEndOfBuffer) {
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  const std::string large(1000, 'x');  // 1008 bytes: four fit, the fifth would pass the end
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(push(producer, large));
  producer.publish();
  ASSERT_EQ(drain(consumer).size(), 4U);
  ASSERT_TRUE(push(producer, large));
  producer.publish();
  EXPECT_EQ(producer.published(), kRingCapacity + 1008);
  EXPECT_EQ(drain(consumer), Texts{large});
  EXPECT_EQ(consumer.position(), producer.published());
}

TEST_F(SpscRing, FullRingRefusesAndRecovers) {
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  int count = 0;
  while (push(producer, "eight by"))
    ++count;  // 16 bytes each
  EXPECT_EQ(count, 256);
  EXPECT_EQ(producer.claim(0, 1).error().code, Errc::backpressure);
  EXPECT_FALSE(producer.has_room(0));
  EXPECT_EQ(producer.used(), kRingCapacity);
  producer.publish();
  EXPECT_EQ(drain(consumer).size(), 256U);
  EXPECT_TRUE(producer.has_room(8));
  EXPECT_TRUE(push(producer, "eight by"));
}

TEST_F(SpscRing, LargestRecordIsAQuarterWhereverItStarts) {
  for (const std::uint64_t start : {0U, 8U, 2048U, 3072U, 4088U}) {
    start_at(start);
    auto producer = RingProducer::open(memory_.span()).value();
    EXPECT_EQ(producer.max_body(), kRingCapacity / 4 - 8);
    EXPECT_TRUE(producer.claim(producer.max_body(), 1)) << start;
    EXPECT_EQ(producer.claim(producer.max_body() + 1, 1).error().code, Errc::message_too_large)
        << start;
    EXPECT_EQ(producer.claim(std::numeric_limits<std::uint32_t>::max(), 1).error().code,
              Errc::message_too_large);
  }
}

TEST_F(SpscRing, PositionsNearTheEndOf64BitsWork) {
  start_at(std::numeric_limits<std::uint64_t>::max() - 4095 - 3 * kRingCapacity);
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(push(producer, "near the end")) << i;
    producer.publish();
    ASSERT_EQ(drain(consumer), Texts{"near the end"}) << i;
  }
}

TEST_F(SpscRing, EveryStartOffsetAndSizePasses) {
  for (std::uint64_t start = 0; start < kRingCapacity; start += 8) {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 500U, 1016U}) {
      start_at(start);
      auto producer = RingProducer::open(memory_.span()).value();
      auto consumer = RingConsumer::open(memory_.span()).value();
      const std::string text(size, 'q');
      ASSERT_TRUE(push(producer, text)) << start << " " << size;
      producer.publish();
      ASSERT_EQ(drain(consumer), Texts{text}) << start << " " << size;
    }
  }
}

TEST_F(SpscRing, AdvanceBackReadsAgain) {
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "again"));
  producer.publish();
  Record record;
  ASSERT_TRUE(consumer.peek(record).value());
  consumer.advance(record.end);
  EXPECT_FALSE(consumer.peek(record).value());
  consumer.advance(0);
  ASSERT_TRUE(consumer.peek(record).value());
  EXPECT_EQ(text_of(record.body), "again");
}

TEST_F(SpscRing, UnreleasedRecordsAreReadAgainByTheSuccessor) {
  auto producer = RingProducer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "twice"));
  producer.publish();
  auto first = RingConsumer::open(memory_.span()).value();
  Record record;
  ASSERT_TRUE(first.peek(record).value());
  first.advance(record.end);
  auto second = RingConsumer::open(memory_.span()).value();
  EXPECT_EQ(drain(second), Texts{"twice"});
}

TEST_F(SpscRing, PollStopsAtItsLimit) {
  auto producer = RingProducer::open(memory_.span()).value();
  auto consumer = RingConsumer::open(memory_.span()).value();
  ASSERT_TRUE(push(producer, "1") && push(producer, "2") && push(producer, "3"));
  producer.publish();
  EXPECT_EQ(consumer.poll([](const Record&) {}, 2).value(), 2U);
  EXPECT_EQ(drain(consumer), Texts{"3"});
}

}  // namespace
}  // namespace mabeam::shm

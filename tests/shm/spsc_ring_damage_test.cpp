// SpscRing with damaged bytes: an Errc, or a record within the ring; never a crash, never a byte
// outside (the address sanitizer watches), and the ring goes on afterwards.
#include "shm/spsc_ring.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kDamagedCapacity = 4096;

class SpscRingDamage : public ::testing::Test {
 protected:
  SpscRingDamage() {
    create_ring(memory_.span());
    producer_ = RingProducer::open(memory_.span()).value();
  }

  [[nodiscard]] RingHeader& header() const {
    return *reinterpret_cast<RingHeader*>(memory_.span().data());
  }

  void push(std::uint32_t length) {
    const auto room = producer_.claim(length, 1);
    ASSERT_TRUE(room);
    std::memset(room->data(), 'r', room->size());
    producer_.publish();
  }

  void flip(std::size_t offset, unsigned bit) {
    *memory_.at(offset) ^= static_cast<std::byte>(1U << bit);
  }

  [[nodiscard]] bool is_inside(const Record& record) const {
    const std::byte* first = memory_.at(sizeof(RingHeader));
    return record.body.data() >= first &&
           record.body.data() + record.body.size() <= first + kDamagedCapacity;
  }

  /// Reads all that can be read; every record must lie in the ring, and it must end.
  void read_all(RingConsumer& consumer) const {
    Record record;
    unsigned sum = 0;
    for (int steps = 0; steps < 1000; ++steps) {
      const Result<bool> found = consumer.peek(record);
      if (!found) {
        EXPECT_EQ(found.error().code, Errc::corrupt);
        consumer.skip_all();
        consumer.release();
        return;
      }
      if (!*found) return;
      ASSERT_TRUE(is_inside(record));
      for (const std::byte b : record.body)
        sum += std::to_integer<unsigned>(b);
      consumer.advance(record.end);
      consumer.release();
    }
    FAIL() << "the ring never ends; sum " << sum;
  }

  Memory memory_{sizeof(RingHeader) + kDamagedCapacity};
  RingProducer producer_;
};

TEST_F(SpscRingDamage, EveryFlippedHeaderBitIsRefusedOrHarmless) {
  push(100);
  push(200);
  for (std::size_t offset = 0; offset < sizeof(RingHeader); ++offset) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      flip(offset, bit);
      if (auto consumer = RingConsumer::open(memory_.span())) {
        const std::uint64_t head = header().head.load();
        read_all(*consumer);
        header().head.store(head);
      } else {
        EXPECT_EQ(consumer.error().code, Errc::corrupt);
      }
      const auto producer = RingProducer::open(memory_.span());
      if (!producer) {
        EXPECT_EQ(producer.error().code, Errc::corrupt);
      }
      flip(offset, bit);
    }
  }
}

TEST_F(SpscRingDamage, MagicAndCapacityAreChecked) {
  for (const std::size_t offset : {offsetof(RingHeader, magic), offsetof(RingHeader, capacity)}) {
    for (std::size_t byte = 0; byte < 8; ++byte) {
      flip(offset + byte, 3);
      EXPECT_FALSE(RingConsumer::open(memory_.span()));
      EXPECT_FALSE(RingProducer::open(memory_.span()));
      flip(offset + byte, 3);
    }
  }
  EXPECT_FALSE(RingConsumer::open(memory_.span().first(sizeof(RingHeader) - 8)));
  EXPECT_FALSE(RingConsumer::open(memory_.span().first(sizeof(RingHeader) + 2048)));
}

TEST_F(SpscRingDamage, EveryFlippedRecordBitIsRefusedOrARecord) {
  for (const std::uint64_t start : {0U, 3000U}) {  // 3000: with a pad in between
    header().head.store(start);
    header().tail.store(start);
    producer_ = RingProducer::open(memory_.span()).value();
    push(24);
    push(900);
    push(900);
    const std::uint64_t used = producer_.published() - start;
    for (std::uint64_t i = 0; i < used; ++i) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        const std::size_t offset = sizeof(RingHeader) + (start + i) % kDamagedCapacity;
        flip(offset, bit);
        auto consumer = RingConsumer::open(memory_.span()).value();
        read_all(consumer);
        header().head.store(start);
        flip(offset, bit);
      }
    }
  }
}

TEST_F(SpscRingDamage, EveryDamagedTailIsRefusedAndTheRingGoesOn) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    auto consumer = RingConsumer::open(memory_.span()).value();
    push(40);
    const std::uint64_t tail = header().tail.load();
    header().tail.store(tail ^ (std::uint64_t{1} << bit));
    ASSERT_TRUE(consumer.refresh() || header().tail.load() == consumer.position());
    read_all(consumer);
    header().tail.store(tail);
    // The next looks come across the damage that was taken over, and end it.
    for (int tries = 0; tries < 3; ++tries)
      read_all(consumer);
    push(8);
    for (int tries = 0; tries < 3; ++tries)
      read_all(consumer);
    EXPECT_EQ(consumer.position(), producer_.published()) << "bit " << bit;
    EXPECT_EQ(header().head.load(), header().tail.load()) << "bit " << bit;
  }
}

TEST_F(SpscRingDamage, AMisalignedTailNeverLeadsOutOfTheRing) {
  const std::uint64_t start =
      kDamagedCapacity - 8;  // a header that starts later would pass the end
  for (std::uint64_t lost = 1; lost < 8; ++lost) {
    header().head.store(start);
    header().tail.store(start);
    producer_ = RingProducer::open(memory_.span()).value();
    auto consumer = RingConsumer::open(memory_.span()).value();
    header().tail.store(start + lost);
    read_all(consumer);
    push(8);
    for (int tries = 0; tries < 3; ++tries)
      read_all(consumer);
    EXPECT_EQ(consumer.position(), producer_.published());
  }
}

TEST_F(SpscRingDamage, ADamagedHeadDoesNotLetTheProducerOverwrite) {
  while (producer_.claim(56, 1)) {  // 64 bytes each: no room is left
  }
  producer_.publish();
  for (const std::uint64_t head :
       {~std::uint64_t{0}, std::uint64_t{1} << 40U, kDamagedCapacity * 2}) {
    header().head.store(head);
    EXPECT_EQ(producer_.claim(8, 1).error().code, Errc::backpressure) << head;
    EXPECT_FALSE(producer_.has_room(8)) << head;
  }
  header().head.store(producer_.published());
  EXPECT_TRUE(producer_.claim(8, 1));
}

TEST_F(SpscRingDamage, PositionsThatGoRoundEndAsWell) {
  push(8);
  constexpr auto kLast = ~std::uint64_t{7};
  header().head.store(kLast - 1024);
  header().tail.store(kLast);
  auto consumer = RingConsumer::open(memory_.span());
  if (!consumer) return;  // refused
  read_all(*consumer);
}

TEST_F(SpscRingDamage, LengthsThatPassTheTailAreRefused) {
  push(64);
  for (const std::uint32_t length : {65U + 7U, 4096U, 0xFFFFFFF0U, 0xFFFFFFFFU}) {
    std::memcpy(memory_.at(sizeof(RingHeader)), &length, sizeof length);
    auto consumer = RingConsumer::open(memory_.span()).value();
    Record record;
    EXPECT_EQ(consumer.peek(record).error().code, Errc::corrupt) << length;
  }
}

TEST_F(SpscRingDamage, PadsWithoutEndAreRefused) {
  push(56);
  const RecordHeader pad{8, kPadKind, 0};
  for (std::size_t at = 0; at < 64; at += 16) {
    std::memcpy(memory_.at(sizeof(RingHeader) + at), &pad, sizeof pad);
  }
  auto consumer = RingConsumer::open(memory_.span()).value();
  Record record;
  EXPECT_EQ(consumer.peek(record).error().code, Errc::corrupt);
}

TEST_F(SpscRingDamage, PollReleasesTheGoodRecordsInFrontOfABadOne) {
  push(8);
  const std::uint64_t bad = producer_.published();
  push(8);
  const std::uint32_t length = 5000;
  std::memcpy(memory_.at(sizeof(RingHeader) + bad), &length, sizeof length);
  auto consumer = RingConsumer::open(memory_.span()).value();
  int count = 0;
  EXPECT_EQ(consumer.poll([&](const Record&) { ++count; }, 10).error().code, Errc::corrupt);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(header().head.load(), bad);
  EXPECT_EQ(consumer.skip_all(), producer_.published() - bad);
}

}  // namespace
}  // namespace mabeam::shm

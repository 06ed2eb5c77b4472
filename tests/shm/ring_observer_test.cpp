// RingObserver: what waits in a ring that moves meanwhile. Nothing that was overwritten is handed
// out or called damage; what is damaged on a ring that stands still is.
#include "shm/ring_observer.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kObservedCapacity = 4096;

class RingObserverTest : public ::testing::Test {
 protected:
  RingObserverTest() {
    create_ring(memory_.span());
    producer_ = RingProducer::open(memory_.span()).value();
    consumer_ = RingConsumer::open(memory_.span()).value();
  }

  /// As many bytes as fit, at most `length`, all of the record's number.
  bool push(std::uint32_t length) {
    const auto room = producer_.claim(length, 1);
    if (!room) return false;
    std::memset(room->data(), static_cast<int>(pushed_ % 251), room->size());
    producer_.publish();
    ++pushed_;
    return true;
  }

  void take(std::uint32_t most) {
    taken_ += consumer_.poll([](const Record&) {}, most).value();
  }

  void fill() {
    while (push(8 + length_++ % 200)) {
    }
  }

  /// The number of a record that is whole and waits.
  std::uint64_t number_in(const Record& record) const {
    for (std::uint64_t number = taken_; number < pushed_; ++number) {
      if (record.body[0] == static_cast<std::byte>(number % 251)) return number;
    }
    ADD_FAILURE() << "it does not wait";
    return 0;
  }

  Memory memory_{sizeof(RingHeader) + kObservedCapacity};
  RingProducer producer_;
  RingConsumer consumer_;
  std::uint64_t pushed_ = 0;
  std::uint64_t taken_ = 0;
  std::uint32_t length_ = 0;
};

TEST_F(RingObserverTest, StillRingIsReadWithoutAChange) {
  fill();
  take(3);
  fill();
  auto ring = RingObserver::open(memory_.span()).value();
  Record record;
  std::uint64_t number = taken_;
  for (; ring.next(record); ++number) {
    EXPECT_EQ(number_in(record), number);
    EXPECT_TRUE(ring.confirm(record));
  }
  EXPECT_EQ(number, pushed_);
  EXPECT_FALSE(ring.is_damaged());
}

TEST_F(RingObserverTest, WhatIsOvertakenIsLeftOutAndNoDamage) {
  std::mt19937 random{7};
  std::uint64_t confirmed = 0;
  std::uint64_t overtaken = 0;
  for (int round = 0; round < 3000; ++round) {
    fill();
    auto ring = RingObserver::open(memory_.span()).value();
    Record record;
    std::uint64_t last = 0;
    while (ring.next(record)) {
      const bool moves = random() % 8 == 0;
      if (moves) take(random() % 32 + 1);
      if (moves && random() % 2 == 0) fill();
      if (!ring.confirm(record)) {
        ++overtaken;
        continue;
      }
      const std::uint64_t number = number_in(record);
      EXPECT_GE(number, last);
      last = number + 1;
      ++confirmed;
      if (random() % 16 == 0) {
        take(32);
        fill();
      }
    }
    ASSERT_FALSE(ring.is_damaged()) << round;
  }
  EXPECT_GT(confirmed, 1000U);
  EXPECT_GT(overtaken, 1000U);
}

TEST_F(RingObserverTest, DamageIsToldWhereTheRingStandsStill) {
  fill();
  *reinterpret_cast<std::uint32_t*>(memory_.at(sizeof(RingHeader))) = 1U << 31U;
  auto ring = RingObserver::open(memory_.span()).value();
  Record record;
  EXPECT_FALSE(ring.next(record));
  EXPECT_TRUE(ring.is_damaged());

  auto& header = *reinterpret_cast<RingHeader*>(memory_.span().data());
  const std::uint64_t tail = header.tail.load();
  for (const std::uint64_t wrong : {std::uint64_t{1} << 40U, tail + kObservedCapacity + 8}) {
    header.tail.store(wrong);
    EXPECT_FALSE(RingObserver::open(memory_.span())) << wrong;
  }
  header.tail.store(tail);
  header.head.store(tail + 8);
  EXPECT_FALSE(RingObserver::open(memory_.span()));
}

}  // namespace
}  // namespace mabeam::shm

// Two threads over one mapping: the ring and the log under a thread sanitizer, which sees neither
// two processes nor two mappings. Every byte that crosses is checked.
#include "shm/spsc_ring.hpp"
#include "tests/shm/log_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kMessages = 30'000;
constexpr std::uint64_t kSharedCapacity = 4096;

/// A body of changing length whose bytes all follow from its number.
std::uint32_t length_of(std::uint64_t number) {
  return static_cast<std::uint32_t>(8 + number * 7 % 300);
}

void fill(std::span<std::byte> body, std::uint64_t number) {
  std::memcpy(body.data(), &number, sizeof number);
  for (std::byte& b : body.subspan(8))
    b = static_cast<std::byte>(number);
}

bool is_filled(std::span<const std::byte> body, std::uint64_t number) {
  std::uint64_t written = 0;
  if (body.size() != length_of(number)) return false;
  std::memcpy(&written, body.data(), sizeof written);
  return written == number && std::all_of(body.begin() + 8, body.end(), [&](std::byte b) {
           return b == static_cast<std::byte>(number);
         });
}

TEST(SpscRingThreads, EveryRecordCrossesWholeAndInOrder) {
  Memory memory{sizeof(RingHeader) + kSharedCapacity};
  create_ring(memory.span());
  std::thread writer([&] {
    auto producer = RingProducer::open(memory.span()).value();
    for (std::uint64_t i = 0; i < kMessages;) {
      const auto room = producer.claim(length_of(i), 1);
      if (room) fill(*room, i++);
      if (!room || i % 5 == 0) producer.publish();  // batches of up to five
      if (!room) std::this_thread::yield();
    }
    producer.publish();
  });
  auto consumer = RingConsumer::open(memory.span()).value();
  std::uint64_t next = 0;
  std::uint64_t bad = 0;
  while (next < kMessages) {
    const auto polled = consumer.poll(
        [&](const Record& record) { bad += is_filled(record.body, next++) ? 0U : 1U; }, 100);
    ASSERT_TRUE(polled);
    if (*polled == 0) std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(bad, 0U);
  EXPECT_FALSE(consumer.refresh());
}

TEST(EventLogThreads, EveryReaderGetsEveryEventWholeAndInOrder) {
  Memory memory{log_bytes_for(kReaders, kLogCapacity)};
  create_log(memory.span(), kReaders);
  std::atomic<std::uint64_t> bad{0};
  std::atomic<std::uint32_t> joined{0};
  const auto read_all = [&](std::uint32_t index) {
    EventLogReader reader = EventLogReader::open(memory.span(), kReaders, index).value();
    reader.join();
    joined.fetch_add(1);
    Record record;
    for (std::uint64_t next = 0; next < kMessages;) {
      const Result<bool> found = reader.peek(record);
      if (!found || !*found) {
        bad += found ? 0U : 1U;
        std::this_thread::yield();
        continue;
      }
      bad += number_of(record.body) == next ? 0U : 1U;
      reader.advance(record.end, ++next);
      reader.release();
    }
  };
  std::thread first(read_all, 0);
  std::thread second(read_all, 2);
  while (joined.load() != 2)
    std::this_thread::yield();
  EventLogWriter writer = EventLogWriter::open(memory.span(), kReaders).value();
  for (std::uint64_t i = 0; i < kMessages;) {
    if (emit(writer, static_cast<std::uint32_t>(i * 7 % 300))) {
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  first.join();
  second.join();
  EXPECT_EQ(bad.load(), 0U);
}

TEST(EventLogThreads, JoiningAndLeavingUnderWayLosesNothingBetween) {
  Memory memory{log_bytes_for(kReaders, kLogCapacity)};
  create_log(memory.span(), kReaders);
  std::atomic<bool> ended{false};
  std::thread emitter([&] {
    EventLogWriter writer = EventLogWriter::open(memory.span(), kReaders).value();
    while (!ended.load()) {
      if (!emit(writer, 40)) std::this_thread::yield();
    }
  });
  EventLogReader reader = EventLogReader::open(memory.span(), kReaders, 1).value();
  std::uint64_t bad = 0;
  Record record;
  for (int round = 0; round < 300; ++round) {
    reader.join();
    std::uint64_t expected = reader.sequence();  // or of the next publish; never too low
    for (int i = 0; i < 100;) {
      const Result<bool> found = reader.peek(record);
      bad += found ? 0U : 1U;
      if (!found || !*found) {
        std::this_thread::yield();
        continue;
      }
      const std::uint64_t number = number_of(record.body).value_or(0);
      bad += number == expected || (i == 0 && number < expected) ? 0U : 1U;
      expected = number + 1;
      reader.advance(record.end, expected);
      reader.release();
      ++i;
    }
    reader.leave();
  }
  ended.store(true);
  emitter.join();
  EXPECT_EQ(bad, 0U);
}

}  // namespace
}  // namespace mabeam::shm

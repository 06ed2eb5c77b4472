// EventLog, the writing end: what it keeps, what it overwrites, whom it waits for.
#include "tests/shm/log_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace mabeam::shm {
namespace {

using EventLog = EventLogTest;

TEST_F(EventLog, EventsAreNumberedFromZero) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  EXPECT_EQ(reader.sequence(), 0U);
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(emit(writer));
  for (std::uint64_t i = 0; i < 5; ++i)
    EXPECT_EQ(read(reader), i);
  EXPECT_EQ(read(reader), std::nullopt);
  EXPECT_EQ(header().sequence.load(), 5U);
}

TEST_F(EventLog, ClaimIsInvisibleUntilPublished) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(claim_event(writer, 8));
  EXPECT_FALSE(reader.has_more());
  writer.publish();
  EXPECT_EQ(read(reader), 0U);
}

TEST_F(EventLog, RewindForgetsClaimsAndTheirNumbers) {
  EventLogWriter writer = open_writer();
  const std::uint64_t position = writer.claimed();
  const std::uint64_t sequence = writer.sequence();
  ASSERT_TRUE(claim_event(writer, 8));
  writer.rewind(position, sequence);
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(emit(writer));
  EXPECT_EQ(read(reader), 0U);
  EXPECT_EQ(read(reader), std::nullopt);
}

TEST_F(EventLog, WithoutReadersTheOldestGiveWay) {
  EventLogWriter writer = open_writer();
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(emit(writer, static_cast<std::uint32_t>(i) % 300));
  const std::uint64_t oldest = header().oldest.load();
  const std::uint64_t tail = header().tail.load();
  EXPECT_LE(tail - oldest, kLogCapacity);
  EXPECT_GE(tail - oldest, kLogCapacity / 2);
}

TEST_F(EventLog, AReaderHoldsTheWriterBack) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(1);
  reader.join();
  std::uint64_t count = 0;
  while (emit(writer))
    ++count;
  EXPECT_EQ(count, kLogCapacity / 72);  // 8 of the record, 56 of the header, 8 of payload
  EXPECT_EQ(claim_event(writer, 8).error().code, Errc::backpressure);
  EXPECT_EQ(writer.slowest_reader(), 1U);
  EXPECT_EQ(writer.lowest_position(), 0U);
  EXPECT_EQ(read(reader), 0U);
  EXPECT_EQ(read(reader), 1U);
  EXPECT_TRUE(writer.has_room(64));
  EXPECT_TRUE(emit(writer));
  for (std::uint64_t i = 2; i <= count; ++i)
    EXPECT_EQ(read(reader), i);
}

TEST_F(EventLog, TheSlowestReaderCounts) {
  EventLogWriter writer = open_writer();
  EventLogReader fast = open_reader(0);
  EventLogReader slow = open_reader(2);
  EXPECT_EQ(writer.slowest_reader(), EventLogWriter::kNobody);
  fast.join();
  slow.join();
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(emit(writer));
  while (read(fast)) {
  }
  EXPECT_EQ(read(slow), 0U);
  EXPECT_EQ(writer.slowest_reader(), 2U);
  EXPECT_EQ(writer.lowest_position(), 72U);
  slow.leave();
  EXPECT_EQ(writer.slowest_reader(), 0U);
  EXPECT_EQ(writer.lowest_position(), writer.published());
  std::uint32_t readers = 0;
  writer.for_each_reader([&](std::uint32_t, std::uint64_t) { ++readers; });
  EXPECT_EQ(readers, 1U);
}

TEST_F(EventLog, HalfFullIsToldFromTheLastLook) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(emit(writer));
  EXPECT_FALSE(writer.is_half_full());
  while (writer.claimed() <= kLogCapacity / 2)
    ASSERT_TRUE(emit(writer));
  EXPECT_TRUE(writer.is_half_full());
  while (read(reader)) {
  }
  EXPECT_TRUE(writer.is_half_full());
  ASSERT_TRUE(writer.has_room(0));
  EXPECT_FALSE(writer.is_half_full());
}

TEST_F(EventLog, TooLargeIsRefusedWhereverItWouldStart) {
  EventLogWriter writer = open_writer();
  const auto largest = static_cast<std::uint32_t>(writer.max_body() - sizeof(MessageHeader));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(writer.claim(writer.max_body() + 1, 1).error().code, Errc::message_too_large);
    ASSERT_TRUE(emit(writer, largest)) << i;
  }
  EXPECT_EQ(writer.claim(std::numeric_limits<std::uint32_t>::max(), 1).error().code,
            Errc::message_too_large);
}

TEST_F(EventLog, DeathBeforePublishLeavesNothing) {
  EventLogWriter writer = open_writer();
  ASSERT_TRUE(emit(writer));
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(claim_event(writer, 100));
  EventLogWriter successor = open_writer();
  EXPECT_EQ(successor.sequence(), 1U);
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(emit(successor));
  EXPECT_EQ(read(reader), 1U);
}

// A client may die between its two stores: the number is then that of the last whole record.
TEST_F(EventLog, DeathBetweenSequenceAndTailLosesNoNumber) {
  EventLogWriter writer = open_writer();
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(emit(writer));
  ASSERT_TRUE(claim_event(writer, 8));
  header().sequence.store(writer.sequence());
  EXPECT_EQ(open_writer().sequence(), 3U);
}

TEST_F(EventLog, ASuccessorGoesOnAfterTheLogHasGoneRound) {
  EventLogWriter writer = open_writer();
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(emit(writer));
  EventLogWriter successor = open_writer();
  EXPECT_EQ(successor.sequence(), 500U);
  EXPECT_EQ(successor.published(), writer.published());
  ASSERT_TRUE(emit(successor));
}

TEST_F(EventLog, PositionsNearTheEndOf64BitsWork) {
  const std::uint64_t start = std::numeric_limits<std::uint64_t>::max() - 4095 - 10 * kLogCapacity;
  header().tail.store(start);
  header().oldest.store(start);
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(emit(writer)) << i;
    ASSERT_EQ(read(reader), static_cast<std::uint64_t>(i));
  }
}

TEST_F(EventLog, ALogWithoutReadersIsAnOverwritingLog) {
  Memory memory{log_bytes_for(0, kLogCapacity)};
  create_log(memory.span(), 0);
  EventLogWriter writer = EventLogWriter::open(memory.span(), 0).value();
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(emit(writer));
  EXPECT_EQ(writer.slowest_reader(), EventLogWriter::kNobody);
  EXPECT_EQ(writer.lowest_position(), writer.published());
}

}  // namespace
}  // namespace mabeam::shm

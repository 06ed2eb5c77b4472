// EventLog, the reading end with a cursor: join, leave, eviction and what it cost.
#include "tests/shm/log_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace mabeam::shm {
namespace {

using EventLogReaders = EventLogTest;

TEST_F(EventLogReaders, AReaderHasNoCursorUntilItJoins) {
  EventLogReader reader = open_reader(0);
  EXPECT_FALSE(reader.is_joined());
  EXPECT_EQ(cursor(0).position.load(), kNotReading);
  EventLogWriter writer = open_writer();
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(emit(writer));
  reader.join();
  EXPECT_TRUE(reader.is_joined());
  EXPECT_EQ(reader.position(), writer.published());
  EXPECT_EQ(reader.sequence(), 500U);
}

TEST_F(EventLogReaders, JoinBeginsAtTheTail) {
  EventLogWriter writer = open_writer();
  ASSERT_TRUE(emit(writer));
  EventLogReader reader = open_reader(0);
  reader.join();
  EXPECT_EQ(read(reader), std::nullopt);
  ASSERT_TRUE(emit(writer));
  EXPECT_EQ(read(reader), 1U);
}

// The writer's limit is from before the join; what it still writes up to it the joiner may lose.
TEST_F(EventLogReaders, NothingBehindAJoinIsOverwritten) {
  for (std::uint32_t before = 0; before < 60; ++before) {
    EventLogWriter writer = open_writer();
    for (std::uint32_t i = 0; i < before; ++i)
      ASSERT_TRUE(emit(writer));
    EventLogReader reader = open_reader(0);
    reader.join();
    const std::uint64_t first = writer.sequence();
    std::uint64_t count = 0;
    while (emit(writer))
      ++count;
    EXPECT_LE(writer.published() - reader.position(), kLogCapacity);
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_EQ(read(reader), first + i);
    reader.leave();
  }
}

TEST_F(EventLogReaders, LeaveFreesTheWriter) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  while (emit(writer)) {
  }
  reader.leave();
  EXPECT_FALSE(reader.is_joined());
  EXPECT_TRUE(emit(writer));
}

TEST_F(EventLogReaders, UnreleasedEventsAreReadAgainByTheSuccessor) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(emit(writer) && emit(writer));
  EXPECT_EQ(read(reader), 0U);
  Record record;
  ASSERT_TRUE(reader.peek(record).value());
  reader.advance(record.end, 2);  // handled, but its owner dies before release()
  EventLogReader successor = open_reader(0);
  EXPECT_EQ(successor.sequence(), 1U);
  EXPECT_EQ(read(successor), 1U);
}

TEST_F(EventLogReaders, ReloadForgetsWhatWasNotReleased) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(emit(writer));
  Record record;
  ASSERT_TRUE(reader.peek(record).value());
  reader.serve_next(7);
  reader.advance(record.end, 1);
  reader.reload();
  EXPECT_EQ(reader.position(), 0U);
  EXPECT_EQ(reader.next_slot(), 0U);
  EXPECT_EQ(read(reader), 0U);
}

TEST_F(EventLogReaders, ACursorKeepsItsPlaceWithinAnEvent) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(emit(writer));
  reader.serve_next(42);
  reader.release();
  EventLogReader successor = open_reader(0);
  EXPECT_EQ(successor.next_slot(), 42U);
  EXPECT_EQ(successor.position(), 0U);
  EXPECT_EQ(read(successor), 0U);
  EXPECT_EQ(successor.next_slot(), 0U);
}

TEST_F(EventLogReaders, AnEvictedReaderHoldsNobody) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(2);
  reader.join();
  while (emit(writer)) {
  }
  EXPECT_FALSE(reader.is_evicted());
  writer.evict(2);
  EXPECT_TRUE(reader.is_evicted());
  EXPECT_EQ(writer.slowest_reader(), EventLogWriter::kNobody);
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(emit(writer));
}

TEST_F(EventLogReaders, AnEvictedReaderIsToldExactlyWhatItMissed) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  while (emit(writer)) {
  }
  for (std::uint64_t i = 0; i < 7; ++i)
    ASSERT_EQ(read(reader), i);
  while (emit(writer)) {
  }
  writer.evict(0);
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(emit(writer));
  const std::uint64_t next = writer.sequence();
  EXPECT_EQ(reader.rejoin(), next - 7);
  EXPECT_FALSE(reader.is_evicted());
  EXPECT_EQ(reader.sequence(), next);
  ASSERT_TRUE(emit(writer));
  EXPECT_EQ(reader.missed_before(next), 0);
  EXPECT_EQ(read(reader), next);
}

TEST_F(EventLogReaders, WhatCameAfterAllWasNotMissed) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  while (emit(writer)) {
  }
  writer.evict(0);
  const std::uint64_t counted = reader.rejoin();
  EXPECT_EQ(reader.missed_before(writer.sequence() - 3), -3);
  EXPECT_EQ(reader.missed_before(writer.sequence() - counted - 1), 0) << "never below what it was";
  EXPECT_EQ(reader.missed_before(writer.sequence() + 2), 2);
  ASSERT_TRUE(emit(writer));
  read(reader);
  EXPECT_EQ(reader.missed_before(writer.sequence() - 3), 0) << "the first event has put it right";
}

TEST_F(EventLogReaders, ARejoinedReaderIsWaitedForAgain) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  while (emit(writer)) {
  }
  writer.evict(0);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(emit(writer));
  (void)reader.rejoin();
  std::uint64_t count = 0;
  while (emit(writer))
    ++count;
  EXPECT_GE(count, kLogCapacity / 72 - 1);
  EXPECT_EQ(writer.slowest_reader(), 0U);
  writer.evict(0);
  EXPECT_TRUE(reader.is_evicted());
}

TEST_F(EventLogReaders, AnEvictionOutlivesItsReader) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  while (emit(writer)) {
  }
  writer.evict(0);
  EventLogReader successor = open_reader(0);
  EXPECT_TRUE(successor.is_evicted());
  successor.join();  // the owner of a reused endpoint starts afresh
  EXPECT_FALSE(successor.is_evicted());
  EXPECT_EQ(successor.sequence(), writer.sequence());
}

TEST_F(EventLogReaders, SkipAllGoesToTheTail) {
  EventLogWriter writer = open_writer();
  EventLogReader reader = open_reader(0);
  reader.join();
  ASSERT_TRUE(emit(writer) && emit(writer));
  EXPECT_EQ(reader.skip_all(), 144U);
  EXPECT_EQ(reader.sequence(), kNotReading);
  EXPECT_EQ(read(reader), std::nullopt);
}

TEST_F(EventLogReaders, AReaderOutsideTheTableIsRefused) {
  EXPECT_EQ(EventLogReader::open(memory_.span(), kReaders, kReaders).error().code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace mabeam::shm

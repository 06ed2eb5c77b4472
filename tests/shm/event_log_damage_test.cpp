// EventLog with damaged bytes: every end gives an Errc or a record within the log, never a crash.
#include "tests/shm/log_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace mabeam::shm {
namespace {

class EventLogDamage : public EventLogTest {
 protected:
  EventLogDamage() {
    EventLogReader reader = open_reader(0);
    reader.join();
    EventLogWriter writer = open_writer();
    for (std::uint32_t i = 0; i < 12; ++i)
      emit(writer, i * 20);
  }

  void flip(std::size_t offset, unsigned bit) {
    *memory_.at(offset) ^= static_cast<std::byte>(1U << bit);
  }

  void expect_inside(const Record& record) const {
    const std::byte* first = memory_.at(log_bytes_for(kReaders, 0));
    ASSERT_GE(record.body.data(), first);
    ASSERT_LE(record.body.data() + record.body.size(), first + kLogCapacity);
    unsigned sum = 0;
    for (const std::byte b : record.body)
      sum += std::to_integer<unsigned>(b);
    ASSERT_LE(sum, 255 * kLogCapacity);
  }

  void read_with_cursor() const {
    auto reader = EventLogReader::open(memory_.span(), kReaders, 0);
    if (!reader || !reader->is_joined()) return;
    Record record;
    for (int i = 0; i < 200; ++i) {
      const Result<bool> found = reader->peek(record);
      if (!found) {
        reader->skip_all();
        reader->release();
        reader->rejoin();
        return;
      }
      if (!*found) return;
      expect_inside(record);
      reader->advance(record.end, 0);
    }
  }

  void observe() const {
    auto observer = EventLogObserver::open(memory_.span(), kReaders);
    if (!observer) return;
    observer->start_at_oldest();
    RecordHeader header{};
    std::vector<std::byte> copy;
    for (int i = 0; i < 200; ++i) {
      const Result<bool> found = observer->next(header, copy);
      if (!found || !*found) return;
      ASSERT_LE(copy.size(), kLogCapacity);
    }
  }

  void write() const {
    auto writer = EventLogWriter::open(memory_.span(), kReaders);
    if (!writer) return;
    for (int i = 0; i < 100; ++i) {
      if (emit(*writer, 40)) continue;
      const std::uint32_t slowest = writer->slowest_reader();
      ASSERT_NE(slowest, EventLogWriter::kNobody);
      writer->evict(slowest);
    }
  }

  /// Every end has a go at the damage; then the log is as before.
  void use_all_ends() {
    const std::vector<std::byte> before(memory_.span().begin(), memory_.span().end());
    read_with_cursor();
    observe();
    std::copy(before.begin(), before.end(), memory_.span().begin());
    write();
    observe();
    read_with_cursor();
    std::copy(before.begin(), before.end(), memory_.span().begin());
  }
};

TEST_F(EventLogDamage, EveryFlippedHeaderBitIsSurvived) {
  const std::size_t evicted = offsetof(LogHeader, evicted) + kReaders * sizeof(Word);
  for (std::size_t offset = 0; offset < evicted; ++offset) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      flip(offset, bit);
      use_all_ends();
      flip(offset, bit);
    }
  }
}

TEST_F(EventLogDamage, EveryFlippedCursorBitIsSurvived) {
  for (std::size_t offset = 0; offset < sizeof(LogCursor); ++offset) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      flip(sizeof(LogHeader) + offset, bit);
      use_all_ends();
      flip(sizeof(LogHeader) + offset, bit);
    }
  }
}

TEST_F(EventLogDamage, EveryFlippedRecordBitIsSurvived) {
  const std::size_t first = log_bytes_for(kReaders, 0);
  const std::uint64_t used = header().tail.load();
  for (std::uint64_t i = 0; i < used; i += 4) {  // lengths lie on 8, ids and payloads anywhere
    for (unsigned bit = 0; bit < 8; bit += i % 8 == 0 ? 1U : 3U) {
      flip(first + i, bit);
      use_all_ends();
      flip(first + i, bit);
    }
  }
}

TEST_F(EventLogDamage, MagicAndCapacityAreChecked) {
  for (const std::size_t offset : {offsetof(LogHeader, magic), offsetof(LogHeader, capacity)}) {
    flip(offset, 2);
    EXPECT_EQ(EventLogWriter::open(memory_.span(), kReaders).error().code, Errc::corrupt);
    EXPECT_EQ(EventLogReader::open(memory_.span(), kReaders, 0).error().code, Errc::corrupt);
    EXPECT_EQ(EventLogObserver::open(memory_.span(), kReaders).error().code, Errc::corrupt);
    flip(offset, 2);
  }
  EXPECT_FALSE(EventLogWriter::open(memory_.span().first(sizeof(LogHeader)), kReaders));
  EXPECT_FALSE(EventLogWriter::open(memory_.span(), kReaders + 1));
}

TEST_F(EventLogDamage, AHistoryThatDoesNotParseIsGivenUpAndNumbersStillGrow) {
  const std::uint64_t sequence = header().sequence.load();
  const std::uint32_t length = 0xFFFFFFFF;
  std::memcpy(memory_.at(log_bytes_for(kReaders, 0)), &length, sizeof length);
  EventLogWriter writer = open_writer();
  EXPECT_EQ(header().oldest.load(), header().tail.load());
  EXPECT_GE(writer.sequence(), sequence);
  EXPECT_TRUE(emit(writer));
}

TEST_F(EventLogDamage, OldestAboveTailIsCorrupt) {
  header().oldest.store(header().tail.load() + 8);
  EXPECT_EQ(EventLogWriter::open(memory_.span(), kReaders).error().code, Errc::corrupt);
  header().oldest.store(4);
  EXPECT_EQ(EventLogWriter::open(memory_.span(), kReaders).error().code, Errc::corrupt);
}

TEST_F(EventLogDamage, ACursorAheadOfTheTailHoldsNobody) {
  cursor(0).position.store(header().tail.load() + (std::uint64_t{1} << 50U));
  EventLogWriter writer = open_writer();
  EXPECT_EQ(writer.lowest_position(), writer.published());
  for (int i = 0; i < 500; ++i) {
    if (!emit(writer)) writer.evict(writer.slowest_reader());
  }
  EXPECT_GT(writer.sequence(), 400U);
}

}  // namespace
}  // namespace mabeam::shm

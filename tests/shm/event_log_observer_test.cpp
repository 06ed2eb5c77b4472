// EventLog without a cursor: an observer reads what is whole, is told what it missed, and is never
// given bytes that were overwritten while it copied them.
#include "tests/shm/log_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include <sys/mman.h>

namespace mabeam::shm {
namespace {

class EventLogObservers : public EventLogTest {
 protected:
  [[nodiscard]] EventLogObserver open_observer() const {
    return EventLogObserver::open(memory_.span(), kReaders).value();
  }

  static std::optional<std::uint64_t> next(EventLogObserver& observer) {
    RecordHeader header{};
    std::vector<std::byte> copy;
    const Result<bool> found = observer.next(header, copy);
    EXPECT_TRUE(found);
    if (!found || !*found) return std::nullopt;
    EXPECT_TRUE(number_of(copy));
    return number_of(copy);
  }
};

TEST_F(EventLogObservers, StartsAtTheTail) {
  EventLogWriter writer = open_writer();
  ASSERT_TRUE(emit(writer));
  EventLogObserver observer = open_observer();
  EXPECT_EQ(next(observer), std::nullopt);
  ASSERT_TRUE(emit(writer));
  EXPECT_EQ(next(observer), 1U);
  EXPECT_EQ(observer.missed(), 0U);
}

TEST_F(EventLogObservers, ReadsTheHistory) {
  EventLogWriter writer = open_writer();
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(emit(writer));
  EventLogObserver observer = open_observer();
  observer.start_at_oldest();
  std::optional<std::uint64_t> number = next(observer);
  ASSERT_TRUE(number);
  EXPECT_GT(*number, 400U);
  std::uint64_t last = *number;
  while ((number = next(observer))) {
    EXPECT_EQ(*number, last + 1);
    last = *number;
  }
  EXPECT_EQ(last, 499U);
  EXPECT_EQ(observer.missed(), 0U);
}

TEST_F(EventLogObservers, AnOvertakenObserverIsToldExactlyWhatItMissed) {
  EventLogWriter writer = open_writer();
  EventLogObserver observer = open_observer();
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(emit(writer));
  EXPECT_EQ(next(observer), 0U);
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(emit(writer));
  std::uint64_t count = 0;
  while (next(observer))
    ++count;
  EXPECT_EQ(count + observer.missed(), 502U);
  EXPECT_GT(observer.missed(), 400U);
}

TEST_F(EventLogObservers, HoldsNobodyBack) {
  EventLogWriter writer = open_writer();
  EventLogObserver observer = open_observer();
  observer.start_at_oldest();
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(emit(writer));
  EXPECT_EQ(writer.slowest_reader(), EventLogWriter::kNobody);
}

TEST_F(EventLogObservers, DamageIsCorruptAndThenPassed) {
  EventLogWriter writer = open_writer();
  EventLogObserver observer = open_observer();
  ASSERT_TRUE(emit(writer));
  const std::uint32_t length = 100000;
  std::memcpy(memory_.at(log_bytes_for(kReaders, 0)), &length, sizeof length);
  RecordHeader header{};
  std::vector<std::byte> copy;
  EXPECT_EQ(observer.next(header, copy).error().code, Errc::corrupt);
  ASSERT_TRUE(emit(writer));
  EXPECT_EQ(next(observer), 1U);
}

/// A log in memory that a child shares, with a word to say that the writer has ended.
class SharedLog {
 public:
  SharedLog()
      : data_(static_cast<std::byte*>(
            ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    create_log(log(), kReaders);
  }

  SharedLog(const SharedLog&) = delete;
  SharedLog& operator=(const SharedLog&) = delete;

  ~SharedLog() { ::munmap(data_, kBytes); }

  [[nodiscard]] std::span<std::byte> log() const {
    return {data_ + kLinePair, log_bytes_for(kReaders, kLogCapacity)};
  }

  [[nodiscard]] std::atomic<std::uint64_t>& ended() const {
    return *reinterpret_cast<std::atomic<std::uint64_t>*>(data_);
  }

 private:
  static constexpr std::size_t kBytes = kLinePair + log_bytes_for(kReaders, kLogCapacity);
  std::byte* data_;
};

constexpr std::uint32_t kManyEvents = 300'000;

// The observer starts at the oldest event again and again: just there the writer overwrites. The
// log is short, so that the writer comes round within one copy.
TEST(EventLogObserversRace, WhatIsOverwrittenWhileItIsReadIsNeverTakenForGood) {
  const SharedLog shared;
  const pid_t child = ::fork();
  if (child == 0) {
    EventLogWriter writer = EventLogWriter::open(shared.log(), kReaders).value();
    for (std::uint32_t i = 0; i < kManyEvents; ++i)
      emit(writer, i % 700);
    shared.ended().store(1);
    ::_exit(0);
  }
  EventLogObserver observer = EventLogObserver::open(shared.log(), kReaders).value();
  RecordHeader header{};
  std::vector<std::byte> copy;
  std::uint64_t good = 0;
  std::uint64_t torn = 0;
  while (shared.ended().load() == 0) {
    observer.start_at_oldest();
    for (int i = 0; i < 4; ++i) {
      const Result<bool> found = observer.next(header, copy);
      if (!found || !*found) continue;
      ++(number_of(copy) ? good : torn);
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_GT(good, 1000U);
  EXPECT_EQ(torn, 0U);
}

TEST(EventLogObserversRace, WhatIsReadAndWhatIsMissedAddUp) {
  const SharedLog shared;
  EventLogObserver observer = EventLogObserver::open(shared.log(), kReaders).value();
  const pid_t child = ::fork();
  if (child == 0) {
    EventLogWriter writer = EventLogWriter::open(shared.log(), kReaders).value();
    for (std::uint32_t i = 0; i < kManyEvents; ++i)
      emit(writer, i % 100);
    shared.ended().store(1);
    ::_exit(0);
  }
  RecordHeader header{};
  std::vector<std::byte> copy;
  std::uint64_t count = 0;
  std::uint64_t expected = 0;
  std::uint64_t backwards = 0;
  for (bool ended = false; !ended;) {
    ended = shared.ended().load() != 0;
    for (Result<bool> found = observer.next(header, copy); found && *found;
         found = observer.next(header, copy)) {
      const std::uint64_t number = number_of(copy).value_or(0);
      backwards += number < expected ? 1U : 0U;
      expected = number + 1;
      ++count;
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(backwards, 0U);
  EXPECT_EQ(count + observer.missed(), kManyEvents);
}

}  // namespace
}  // namespace mabeam::shm

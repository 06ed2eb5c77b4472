// The numbers of events where it is easy to lose count: a successor that finds no record, an
// observer that is overtaken before its first read, a log that moves while it is opened.
#include "shm/clock.hpp"
#include "tests/shm/log_support.hpp"

#include <atomic>
#include <thread>

namespace mabeam::shm {
namespace {

class EventLogNumbers : public EventLogTest {};

TEST_F(EventLogNumbers, GoOnWhereATurnThatNeverCommittedHasClaimedEverything) {
  {
    EventLogWriter writer = open_writer();
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(emit(writer));
    while (claim_event(writer, 8))
      continue;
    ASSERT_EQ(header().oldest.load(), header().tail.load());
  }
  EventLogWriter successor = open_writer();
  EXPECT_EQ(successor.sequence(), 10U);
  ASSERT_TRUE(emit(successor));
  EXPECT_EQ(header().sequence.load(), 11U);
}

// A reader takes no event for one whose number is beyond its place in the log.
TEST_F(EventLogNumbers, BeginAtZeroThoughTheFirstWriterDiedBetweenItsTwoStores) {
  header().sequence.store(1);
  EventLogWriter successor = open_writer();
  EXPECT_EQ(successor.sequence(), 0U);
  ASSERT_TRUE(emit(successor));
  EXPECT_EQ(header().sequence.load(), 1U);
}

TEST_F(EventLogNumbers, AnObserverOvertakenBeforeItsFirstReadIsToldWhatItMissed) {
  EventLogWriter writer = open_writer();
  ASSERT_TRUE(emit(writer));
  EventLogObserver observer = EventLogObserver::open(memory_.span(), kReaders).value();
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(emit(writer));
  RecordHeader record{};
  std::vector<std::byte> body;
  std::uint64_t read = 0;
  while (observer.next(record, body).value())
    ++read;
  EXPECT_GT(read, 10U);
  EXPECT_EQ(read + observer.missed(), 500U);
}

TEST_F(EventLogNumbers, ALogThatMovesWhileItIsOpenedIsNotDamaged) {
  std::atomic<bool> stop{false};
  std::thread thread{[&] {
    EventLogWriter writer = open_writer();
    while (!stop)
      emit(writer);
  }};
  std::uint64_t damaged = 0;
  const std::int64_t end = monotonic_ns() + 300'000'000;
  while (monotonic_ns() < end)
    damaged += check_log(memory_.span(), kReaders) ? 0U : 1U;
  stop = true;
  thread.join();
  EXPECT_EQ(damaged, 0U);
}

}  // namespace
}  // namespace mabeam::shm

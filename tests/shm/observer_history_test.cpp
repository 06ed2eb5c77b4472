// Observer::history(): which past events come, in which order, and exactly how many are gone.
#include "shm/clock.hpp"
#include "shm/event_log.hpp"
#include "shm/past_events.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using tests::SegmentFile;
using tests::SegmentFiller;
using tests::TestSegment;

using Texts = std::vector<std::string>;

class ObserverHistory : public ::testing::Test {
 protected:
  void SetUp() override { filler_.start(); }

  static Texts texts_of(const HistoryView& view) {
    Texts texts;
    for (const HistoryEvent& event : view.events)
      texts.emplace_back(reinterpret_cast<const char*>(event.payload.data()), event.payload.size());
    return texts;
  }

  Texts texts(const HistoryQuery& query = {}) { return texts_of(observer_.history(query).value()); }

  [[nodiscard]] HistoryLog log(std::uint32_t endpoint, const HistoryQuery& query = {}) const {
    const HistoryView view = observer_.history(query).value();
    for (const HistoryLog& each : view.logs)
      if (each.log == endpoint) return each;
    ADD_FAILURE() << "no log " << endpoint;
    return {};
  }

  /// More than the log of shard 0 holds. Returns how many.
  std::uint64_t overfill() {
    constexpr std::uint64_t kEvents = 1000;
    for (std::uint64_t i = 0; i < kEvents; ++i)
      filler_.emit(1, "job.done", std::string(100, 'x'));
    return kEvents;
  }

  [[nodiscard]] std::byte* records_of(std::uint32_t endpoint) const {
    return segment_.get().log(endpoint).data() + shm::log_bytes_for(segment_.get().endpoints(), 0);
  }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
  Observer observer_ = Observer::attach(segment_.name()).value();
};

TEST_F(ObserverHistory, WhatIsEmittedMeanwhileIsNotGone) {
  filler_.emit(1, "job.done", "a");
  auto past = shm::PastEvents::open(segment_.get(), 1, 1).value();
  filler_.emit(1, "job.done", "b");  // behind what is read, and there for who reads on
  shm::PastEvent event;
  EXPECT_FALSE(past.next(event));
  EXPECT_EQ(past.gone(), 0U);
  EXPECT_EQ(past.next_number(), 1U);
}

TEST_F(ObserverHistory, NorWhereTheWholePastHasGivenWay) {
  filler_.emit(1, "job.done", "a");
  auto& log = *reinterpret_cast<shm::LogHeader*>(segment_.get().log(1).data());
  log.oldest.store(log.tail.load());
  auto past = shm::PastEvents::open(segment_.get(), 1, 0).value();
  filler_.emit(1, "job.done", "b");
  shm::PastEvent event;
  EXPECT_FALSE(past.next(event));
  EXPECT_EQ(past.gone(), 1U);
  EXPECT_EQ(past.next_number(), 1U);
}

TEST_F(ObserverHistory, MergesAllLogsByTime) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(3, "job.done", "b");
  filler_.emit(1, "job.done", "c");
  filler_.emit(2, "job.done", "d");
  EXPECT_EQ(texts(), (Texts{"a", "b", "c", "d"}));
}

TEST_F(ObserverHistory, AnEventSaysWhereItStands) {
  filler_.emit(2, "job.new", "a");
  filler_.emit(2, "job.done", "b");
  const HistoryView view = observer_.history({.pattern = "job.done"}).value();
  ASSERT_EQ(view.events.size(), 1U);
  const HistoryEvent& event = view.events.front();
  EXPECT_EQ(event.topic, "job.done");
  EXPECT_EQ(event.content, Content::text);
  EXPECT_EQ(event.log, 2U);
  EXPECT_EQ(event.sequence, 1U);
  EXPECT_EQ(static_cast<std::uint32_t>(event.source.endpoint()), 2U);
  EXPECT_GT(event.emitted_ns, 0);
}

TEST_F(ObserverHistory, PatternChooses) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(1, "pkg.libs", "b");
  filler_.emit(3, "job.failed.twice", "c");
  EXPECT_EQ(texts({.pattern = "job.>"}), (Texts{"a", "c"}));
  EXPECT_EQ(texts({.pattern = "job.*"}), Texts{"a"});
  EXPECT_EQ(observer_.history({.pattern = "a..b"}).error().code, Errc::bad_topic);
}

TEST_F(ObserverHistory, LastAndLimitCountOverAllLogs) {
  for (const char* text : {"a", "b", "c", "d"}) {
    filler_.emit(1, "job.done", text);
    filler_.emit(3, "other", "-");
  }
  filler_.emit(2, "job.done", "e");
  EXPECT_EQ(texts({.pattern = "job.done", .last = 3}), (Texts{"c", "d", "e"}));
  EXPECT_EQ(texts({.pattern = "job.done", .limit = 2}), (Texts{"a", "b"}));
  EXPECT_EQ(texts({.pattern = "job.done", .last = 3, .limit = 1}), Texts{"c"});
  EXPECT_EQ(observer_.history({.pattern = "job.done", .last = 3}).value().matched, 5U);
}

TEST_F(ObserverHistory, SourceAndLogChoose) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(2, "job.done", "b");
  const AgentId source = observer_.history({.log = 2}).value().events.at(0).source;
  EXPECT_EQ(texts({.source = source}), Texts{"b"});
  EXPECT_EQ(texts({.log = 1}), Texts{"a"});
  EXPECT_EQ(observer_.history({.log = 99}).error().code, Errc::invalid_argument);
  EXPECT_EQ(observer_.history({.from = {{99, 0}}}).error().code, Errc::invalid_argument);
}

TEST_F(ObserverHistory, SinceLeavesOutWhatIsOlder) {
  filler_.emit(1, "job.done", "older");
  std::this_thread::sleep_for(milliseconds{400});
  filler_.emit(1, "job.done", "newer");
  EXPECT_EQ(texts({.since = milliseconds{300}}), Texts{"newer"});
  EXPECT_EQ(texts({.since = hours{1}}), (Texts{"older", "newer"}));
}

TEST_F(ObserverHistory, APositionIsWhereALogIsReadFrom) {
  for (const char* text : {"a", "b", "c"})
    filler_.emit(1, "job.done", text);
  filler_.emit(3, "job.done", "d");
  EXPECT_EQ(texts({.from = {{1, 2}}}), (Texts{"c", "d"}));
  EXPECT_EQ(log(1).next, 3U);
  EXPECT_EQ(texts({.from = {{1, 3}, {3, 1}}}), Texts{});
  filler_.emit(1, "job.done", "e");
  EXPECT_EQ(texts({.from = {{1, 3}, {3, 1}}}), Texts{"e"});
}

TEST_F(ObserverHistory, WhatIsGoneIsCountedExactly) {
  const std::uint64_t all = overfill();
  filler_.emit(3, "job.done", "b");
  const HistoryView view = observer_.history({.log = 1}).value();
  const std::uint64_t oldest = view.events.front().sequence;
  EXPECT_GT(oldest, 0U);
  EXPECT_EQ(view.gone, oldest);
  EXPECT_EQ(log(1).kept, all - oldest);
  EXPECT_EQ(log(1).next, all);
  EXPECT_EQ(log(3).gone, 0U);
  EXPECT_EQ(observer_.history().value().gone, oldest);
  EXPECT_EQ(log(1, {.from = {{1, oldest - 7}}}).gone, 7U);
  EXPECT_EQ(log(1, {.from = {{1, oldest + 7}}}).gone, 0U);
}

// A turn may claim more than the log keeps, and never commit: then no event at all is left.
TEST_F(ObserverHistory, WhatIsGoneIsCountedWhereNothingIsLeft) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(1, "job.done", "b");
  auto& header = *reinterpret_cast<shm::LogHeader*>(segment_.get().log(1).data());
  header.oldest.store(header.tail.load());
  const HistoryLog found = log(1);
  EXPECT_EQ(found.gone, 2U);
  EXPECT_EQ(found.kept, 0U);
  EXPECT_EQ(found.next, 2U);
}

TEST_F(ObserverHistory, WhatIsEmittedMeanwhileIsLeftToTheNextCall) {
  filler_.emit(1, "job.done", "a");
  shm::MessageHeader header;
  auto log_end =
      shm::EventLogWriter::open(segment_.get().log(3), segment_.get().endpoints()).value();
  header.symbol = filler_.symbol("job.done");
  header.sent_ns = shm::monotonic_ns() + 3'600'000'000'000;
  shm::compose(log_end.claim(sizeof header, static_cast<std::uint16_t>(shm::Kind::event)).value(),
               header, {});
  log_end.publish();
  EXPECT_EQ(texts(), Texts{"a"});
  EXPECT_EQ(log(3).next, 0U);
}

TEST_F(ObserverHistory, DamagedEventsAreLeftOutAndCounted) {
  for (const char* text : {"a", "b", "c"})
    filler_.emit(1, "job.done", text);
  records_of(1)[sizeof(shm::RecordHeader)] = std::byte{0xFF};  // the first one's topic
  EXPECT_EQ(texts(), (Texts{"b", "c"}));
  EXPECT_EQ(observer_.history().value().unreadable, 1U);
  records_of(1)[sizeof(shm::RecordHeader) + 24 + 6] = std::byte{0xFF};  // and its number
  EXPECT_EQ(observer_.history().value().unreadable, 1U);
  EXPECT_EQ(texts(), (Texts{"b", "c"}));
}

TEST_F(ObserverHistory, ALogThatDoesNotParseIsNamed) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(3, "job.done", "b");
  records_of(1)[3] = std::byte{0xFF};  // the first one's length
  EXPECT_EQ(texts(), Texts{"b"});
  EXPECT_TRUE(log(1).is_damaged);
  EXPECT_FALSE(log(3).is_damaged);
}

// Of a copy, time is counted from its newest event, and what it has does not end with the present.
TEST_F(ObserverHistory, ReadsACopy) {
  filler_.emit(1, "job.done", "older");
  std::this_thread::sleep_for(milliseconds{200});
  filler_.emit(3, "job.done", "newer");
  const SegmentFile file{segment_.get()};
  std::this_thread::sleep_for(milliseconds{200});
  const Observer copy = Observer::open_file(file.path()).value();
  EXPECT_EQ(texts_of(copy.history().value()), (Texts{"older", "newer"}));
  EXPECT_EQ(texts_of(copy.history({.since = milliseconds{100}}).value()), Texts{"newer"});
}

// A writer that never pauses, in a process of its own: numbers come in order, and what is not there
// is told.
TEST_F(ObserverHistory, UnderAWriterEveryNumberIsKeptOrGone) {
  filler_.emit(3, "job.done", "first");
  const pid_t writer = ::fork();
  if (writer == 0) {  // a mapping is not inherited
    const auto own = shm::Segment::attach(segment_.name(), shm::Access::read_write).value();
    SegmentFiller filler{own};
    for (;;)
      filler.emit(3, "job.done", std::string(200, 'x'));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  std::uint64_t gone = 0;
  for (int i = 0; i < 200 || gone == 0; ++i) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    const HistoryView view = observer_.history({.log = 3}).value();
    gone = view.gone;
    ASSERT_EQ(view.logs.size(), 1U);
    ASSERT_LE(view.gone + view.events.size(), view.logs.at(0).next);
    for (std::size_t n = 1; n < view.events.size(); ++n)
      ASSERT_LT(view.events[n - 1].sequence, view.events[n].sequence);
  }
  ::kill(writer, SIGKILL);
  ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
  const HistoryView view = observer_.history({.log = 3}).value();
  EXPECT_EQ(view.gone + view.events.size(), view.logs.at(0).next);
}

}  // namespace
}  // namespace mabeam

#include "shm/event_log.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace mabeam {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using tests::SegmentFile;
using tests::SegmentFiller;
using tests::TestSegment;

using Texts = std::vector<std::string>;

class ObserverTail : public ::testing::Test {
 protected:
  void SetUp() override { filler_.start(); }

  Texts tail(std::string_view pattern) { return tail(observer_, pattern); }

  static Texts tail(Observer& observer, std::string_view pattern) {
    Texts texts;
    const auto count = observer.tail(pattern, [&](const HistoryEvent& event) {
      texts.emplace_back(reinterpret_cast<const char*>(event.payload.data()), event.payload.size());
    });
    EXPECT_EQ(count.value(), texts.size());
    return texts;
  }

  void set_state(RuntimeState state) {
    segment_.get().header().state.store(static_cast<std::uint32_t>(state));
  }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
  Observer observer_ = Observer::attach(segment_.name()).value();
};

TEST_F(ObserverTail, BeginsAtTheEnd) {
  filler_.emit(1, "job.done", "past");
  observer_.start_tail({});
  EXPECT_EQ(tail(">"), Texts{});
  filler_.emit(1, "job.done", "present");
  EXPECT_EQ(tail(">"), Texts{"present"});
  EXPECT_EQ(tail(">"), Texts{});
}

TEST_F(ObserverTail, BeginsByItself) {
  filler_.emit(1, "job.done", "past");
  EXPECT_EQ(tail(">"), Texts{});
  filler_.emit(1, "job.done", "present");
  EXPECT_EQ(tail(">"), Texts{"present"});
}

TEST_F(ObserverTail, GoesBackAsFarAsIsWanted) {
  filler_.emit(1, "job.done", "older");
  std::this_thread::sleep_for(milliseconds{400});
  filler_.emit(1, "job.done", "newer");
  observer_.start_tail(milliseconds{300});
  EXPECT_EQ(tail(">"), Texts{"newer"});
  observer_.start_tail(hours{24 * 365 * 50});
  EXPECT_EQ(tail(">"), (Texts{"older", "newer"}));
}

TEST_F(ObserverTail, HandsOutWholeEvents) {
  observer_.start_tail({});
  filler_.emit(2, "job.done", "text");
  const auto count = observer_.tail("job.*", [](const HistoryEvent& event) {
    EXPECT_EQ(event.topic, "job.done");
    EXPECT_EQ(event.payload.size(), 4U);
    EXPECT_EQ(event.content, Content::text);
    EXPECT_EQ(static_cast<std::uint32_t>(event.source.endpoint()), 2U);
    EXPECT_EQ(event.sequence, 0U);
    EXPECT_GT(event.emitted_ns, 0);
  });
  EXPECT_EQ(count.value(), 1U);
}

TEST_F(ObserverTail, HandsOutWhatMatches) {
  observer_.start_tail({});
  filler_.emit(1, "job.done", "a");
  filler_.emit(1, "job.failed.twice", "b");
  filler_.emit(3, "pkg.libs", "c");
  EXPECT_EQ(tail("job.>"), (Texts{"a", "b"}));
  EXPECT_EQ(tail(">"), Texts{});  // those that did not match have been passed
}

TEST_F(ObserverTail, RefusesPatternsThatAreNone) {
  for (const std::string_view pattern : {"", "a..b", ">.a", "a b"}) {
    const auto refused = observer_.tail(pattern, [](const HistoryEvent&) {});
    EXPECT_EQ(refused.error().code, Errc::bad_topic) << pattern;
  }
}

TEST_F(ObserverTail, BusyLogHidesNoOther) {
  observer_.start_tail({});
  for (int i = 0; i < 200; ++i)
    filler_.emit(1, "job.done", "many");
  filler_.emit(3, "job.done", "one");
  const Texts texts = tail(">");
  EXPECT_EQ(texts.size(), 201U);
  EXPECT_EQ(texts[64], "one");
}

TEST_F(ObserverTail, EndsThoughTheWriterNeverDoes) {
  observer_.start_tail({});
  filler_.emit(1, "job.done", "first");
  std::size_t count = 0;
  const auto handed_out = observer_.tail(">", [&](const HistoryEvent&) {
    if (++count < 100'000) filler_.emit(1, "job.done", "and another");
  });
  EXPECT_LT(handed_out.value(), 1000U);
}

TEST_F(ObserverTail, CountsWhatWasOverwritten) {
  observer_.start_tail({});
  constexpr std::size_t kEvents = 2000;
  for (std::size_t i = 0; i < kEvents; ++i)
    filler_.emit(1, "job.done", std::string(100, 'x'));
  const std::size_t read = tail(">").size();
  EXPECT_GT(read, 100U);
  EXPECT_LT(read, kEvents);
  EXPECT_EQ(observer_.tail_missed(), kEvents - read);
}

TEST_F(ObserverTail, LeavesOutWhatIsDamaged) {
  observer_.start_tail({});
  filler_.emit(1, "job.done", "first");
  filler_.emit(1, "job.done", "second");
  std::byte* records =
      segment_.get().log(1).data() + shm::log_bytes_for(segment_.get().endpoints(), 0);
  records[sizeof(shm::RecordHeader)] = std::byte{0xFF};  // the first one's topic
  EXPECT_EQ(tail(">"), Texts{"second"});
  EXPECT_EQ(observer_.tail_missed(), 1U);
}

TEST_F(ObserverTail, GoesOnBehindBytesThatDoNotParse) {
  observer_.start_tail({});
  filler_.emit(1, "job.done", "first");
  std::byte* records =
      segment_.get().log(1).data() + shm::log_bytes_for(segment_.get().endpoints(), 0);
  records[3] = std::byte{0xFF};  // the first one's length
  EXPECT_EQ(tail(">"), Texts{});
  filler_.emit(3, "job.done", "elsewhere");
  EXPECT_EQ(tail(">"), Texts{"elsewhere"});
}

TEST_F(ObserverTail, EndsWithTheRuntimeWhenAllIsHandedOut) {
  observer_.start_tail({});
  filler_.emit(1, "job.done", "last");
  set_state(RuntimeState::removed);
  EXPECT_EQ(tail(">"), Texts{"last"});
  const auto ended = observer_.tail(">", [](const HistoryEvent&) {});
  EXPECT_EQ(ended.error().code, Errc::not_running);
}

TEST_F(ObserverTail, StoppedRuntimeIsNotGone) {
  observer_.start_tail({});
  set_state(RuntimeState::stopped);
  EXPECT_EQ(tail(">"), Texts{});
}

TEST_F(ObserverTail, ReadsACopy) {
  filler_.emit(1, "job.done", "a");
  filler_.emit(3, "job.done", "b");
  const SegmentFile file{segment_.get()};
  Observer copy = Observer::open_file(file.path()).value();
  copy.start_tail(hours{24 * 365 * 50});
  EXPECT_EQ(tail(copy, ">"), (Texts{"a", "b"}));
}

}  // namespace
}  // namespace mabeam

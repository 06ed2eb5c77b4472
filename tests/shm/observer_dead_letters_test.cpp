#include "shm/event_log.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mabeam {
namespace {

using shm::DeadReason;
using shm::LetterFate;
using tests::SegmentFile;
using tests::SegmentFiller;
using tests::TestSegment;

using Texts = std::vector<std::string>;

class ObserverDeadLetters : public ::testing::Test {
 protected:
  void SetUp() override { filler_.start(); }

  [[nodiscard]] DeadLetterList list(const DeadLetterFilter& filter = {}) const {
    return Observer::attach(segment_.name()).value().dead_letters(filter);
  }

  [[nodiscard]] Texts texts(const DeadLetterFilter& filter = {}) const {
    Texts texts;
    for (const DeadLetterView& letter : list(filter).letters) {
      texts.emplace_back(reinterpret_cast<const char*>(letter.payload.data()),
                         letter.payload.size());
    }
    return texts;
  }

  static std::uint64_t count_of(const DeadLetterList& list, std::string_view reason) {
    const auto found = std::find_if(list.by_reason.begin(), list.by_reason.end(),
                                    [&](const auto& each) { return each.name == reason; });
    return found == list.by_reason.end() ? 999 : found->count;
  }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
};

TEST_F(ObserverDeadLetters, AreListedWhole) {
  filler_.bury(1, DeadReason::expired, "too late");
  const DeadLetterList seen = list();
  ASSERT_EQ(seen.letters.size(), 1U);
  const DeadLetterView& letter = seen.letters[0];
  EXPECT_EQ(letter.id, DeadLetterId(static_cast<EndpointId>(2), 0));
  EXPECT_EQ(letter.reason, "expired");
  EXPECT_EQ(letter.kind, "signal");
  EXPECT_EQ(letter.name, "buried");
  EXPECT_EQ(letter.source, AgentId(static_cast<EndpointId>(2), 0, 1));
  EXPECT_EQ(letter.content, Content::text);
  EXPECT_TRUE(letter.is_replayable);
  EXPECT_GT(letter.age_seconds, 0);
  EXPECT_LT(letter.age_seconds, 60);
}

TEST_F(ObserverDeadLetters, TheNewestOfAllShardsComesFirst) {
  filler_.bury(0, DeadReason::expired, "a");
  filler_.bury(1, DeadReason::poison, "b");
  filler_.bury(0, DeadReason::expired, "c");
  EXPECT_EQ(texts(), (Texts{"c", "b", "a"}));
  EXPECT_EQ(texts({.limit = 2}), (Texts{"c", "b"}));
  EXPECT_EQ(list({.limit = 2}).total, 3U);
}

TEST_F(ObserverDeadLetters, AreFiltered) {
  filler_.bury(0, DeadReason::expired, "a");
  filler_.bury(1, DeadReason::poison, "b");
  EXPECT_EQ(texts({.reason = "poison"}), Texts{"b"});
  EXPECT_EQ(texts({.reason = "no reason"}), Texts{});
  EXPECT_EQ(texts({.agent = AgentId(static_cast<EndpointId>(1), 0, 1)}), Texts{"a"});
  EXPECT_EQ(list({.reason = "poison"}).waiting, 2U) << "the counts are of all";
}

TEST_F(ObserverDeadLetters, SettledOnesAreLeftOutAndCounted) {
  filler_.bury(1, DeadReason::expired, "a");
  filler_.bury(1, DeadReason::expired, "b");
  filler_.bury(1, DeadReason::overflow, "c");
  filler_.settle(1, 0, LetterFate::replayed);
  filler_.settle(1, 2, LetterFate::dropped);
  EXPECT_EQ(texts(), Texts{"b"});
  const DeadLetterList seen = list();
  EXPECT_EQ(seen.buried, 3U);
  EXPECT_EQ(seen.replayed, 1U);
  EXPECT_EQ(seen.dropped, 1U);
  EXPECT_EQ(seen.waiting, 1U);
  EXPECT_EQ(seen.overwritten, 0U);
  EXPECT_EQ(count_of(seen, "expired"), 2U);
  EXPECT_EQ(count_of(seen, "overflow"), 1U);
  EXPECT_EQ(count_of(seen, "poison"), 0U);
}

TEST_F(ObserverDeadLetters, ThoseThatGaveWayAreCountedExactly) {
  for (int i = 0; i < 100; ++i)
    filler_.bury(0, i % 2 == 0 ? DeadReason::expired : DeadReason::no_agent, "some text");
  filler_.settle(0, 99, LetterFate::dropped);
  const DeadLetterList seen = list();
  EXPECT_LT(seen.waiting, 40U);
  EXPECT_EQ(seen.waiting, seen.letters.size());
  EXPECT_EQ(seen.overwritten, 100 - 1 - seen.waiting);
  EXPECT_EQ(count_of(seen, "expired"), 50U);
  EXPECT_EQ(count_of(seen, "no_agent"), 50U);
}

TEST_F(ObserverDeadLetters, DamagedLogIsSaidAndTheOthersAreShown) {
  filler_.bury(0, DeadReason::expired, "a");
  filler_.bury(1, DeadReason::expired, "b");
  const std::span<std::byte> log = segment_.get().dead_letters(0);
  log[shm::log_bytes_for(0, 0)] = std::byte{0xFF};  // the first record's length
  const DeadLetterList seen = list();
  EXPECT_EQ(seen.damaged, 1U);
  EXPECT_EQ(texts(), Texts{"b"});
  reinterpret_cast<shm::LogHeader*>(log.data())->magic = 0;
  EXPECT_EQ(list().damaged, 1U);
}

TEST_F(ObserverDeadLetters, CopyIsReadTheSame) {
  filler_.bury(0, DeadReason::expired, "a");
  const SegmentFile file{segment_.get()};
  EXPECT_EQ(Observer::open_file(file.path()).value().dead_letters().letters.size(), 1U);
}

TEST_F(ObserverDeadLetters, VerifyFindsNothingWrongWithThem) {
  filler_.fill();
  EXPECT_EQ(Observer::attach(segment_.name()).value().verify().damage_total, 0U);
  filler_.settle(1, 700, LetterFate::dropped);
  EXPECT_EQ(Observer::attach(segment_.name()).value().verify().damage_total, 1U);
}

}  // namespace
}  // namespace mabeam

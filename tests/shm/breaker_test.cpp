// Every transition of the breaker, by a clock that is passed in.
#include "tests/shm/breaker_support.hpp"

#include <gtest/gtest.h>

namespace mabeam::shm {
namespace {

class BreakerTest : public ::testing::Test {
 protected:
  BreakerPermit permit() {
    const BreakerAdmission admission = breaker_.ask(kRules, now_);
    EXPECT_TRUE(admission.permit);
    return admission.permit.value_or(BreakerPermit{});
  }

  bool fail_once(bool may_open = true) {
    return breaker_.fail(breaker_.current(), kRules, now_, kMiddle, may_open);
  }

  void open() {
    for (std::uint32_t i = 0; i < kRules.failure_threshold; ++i)
      fail_once();
    ASSERT_EQ(state(), BreakerState::open);
  }

  [[nodiscard]] BreakerState state() const { return breaker_.word().state; }

  [[nodiscard]] std::int64_t retry_after() {
    const BreakerAdmission admission = breaker_.ask(kRules, now_);
    EXPECT_FALSE(admission.permit);
    return admission.retry_after_ns;
  }

  BreakerSlot slot_{};
  Breaker breaker_{slot_};
  std::int64_t now_ = 1000 * kSecond;
};

TEST_F(BreakerTest, WordKeepsEveryField) {
  const BreakerWord word{BreakerMode::forced_closed, BreakerState::half_open, 31, 131'071,
                         (std::uint64_t{1} << 38U) - 1};
  const BreakerWord same = BreakerWord::unpack(word.pack());
  EXPECT_EQ(same.mode, word.mode);
  EXPECT_EQ(same.state, word.state);
  EXPECT_EQ(same.doublings, word.doublings);
  EXPECT_EQ(same.generation, word.generation);
  EXPECT_EQ(same.deadline_ms, word.deadline_ms);
  EXPECT_EQ(BreakerWord::unpack(0).state, BreakerState::closed);
}

TEST_F(BreakerTest, OpensAtTheThresholdWithinTheWindow) {
  EXPECT_FALSE(fail_once());
  EXPECT_FALSE(fail_once());
  EXPECT_EQ(state(), BreakerState::closed);
  EXPECT_TRUE(fail_once());
  EXPECT_EQ(state(), BreakerState::open);
  EXPECT_EQ(retry_after(), 4 * kSecond);
  EXPECT_EQ(breaker_.view(kRules, now_).openings, 1U);
}

TEST_F(BreakerTest, FailuresOlderThanTheWindowDoNotCount) {
  fail_once();
  fail_once();
  now_ += kRules.window_ns;
  EXPECT_FALSE(fail_once());
  EXPECT_EQ(breaker_.view(kRules, now_).failures, 1U);
  now_ += kRules.window_ns * 9 / 10;
  EXPECT_EQ(breaker_.view(kRules, now_).failures, 1U) << "still in the window";
}

TEST_F(BreakerTest, DoesNotOpenWhereTooManyAre) {
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(fail_once(false));
  EXPECT_EQ(state(), BreakerState::closed);
  EXPECT_EQ(slot_.withheld.load(), 8U);
  EXPECT_TRUE(fail_once(true));
}

TEST_F(BreakerTest, TriesAtItsDeadlineWithSoManyPermits) {
  open();
  now_ += 4 * kSecond - kMs;
  EXPECT_EQ(retry_after(), kMs);
  now_ += kMs;
  permit();
  EXPECT_EQ(state(), BreakerState::half_open);
  permit();
  EXPECT_GT(retry_after(), 0);
}

TEST_F(BreakerTest, ClosesWhenTheTrialSucceeds) {
  open();
  now_ += 4 * kSecond;
  const BreakerPermit first = permit();
  const BreakerPermit second = permit();
  breaker_.succeed(first, kRules);
  EXPECT_EQ(state(), BreakerState::half_open);
  breaker_.succeed(second, kRules);
  EXPECT_EQ(state(), BreakerState::closed);
  EXPECT_EQ(breaker_.view(kRules, now_).failures, 0U) << "what was before is forgotten";
  EXPECT_FALSE(fail_once());
}

TEST_F(BreakerTest, AFailedTrialOpensItTwiceAsLong) {
  open();
  now_ += 4 * kSecond;
  EXPECT_TRUE(breaker_.fail(permit(), kRules, now_, kMiddle));
  EXPECT_EQ(retry_after(), 8 * kSecond);
  now_ += 8 * kSecond;
  EXPECT_TRUE(breaker_.fail(permit(), kRules, now_, kMiddle, false)) << "it is not one more";
  EXPECT_EQ(retry_after(), 16 * kSecond);
  now_ += 16 * kSecond;
  for (const BreakerPermit each : {permit(), permit()})
    breaker_.succeed(each, kRules);
  open();
  EXPECT_EQ(retry_after(), 4 * kSecond) << "success forgets the doublings";
}

TEST_F(BreakerTest, OpenTimeIsBoundedAndJittered) {
  EXPECT_EQ(breaker_open_time(kRules, 31, kMiddle), 600 * kSecond);
  EXPECT_EQ(breaker_open_time(kRules, 0, 0.0), 3'200 * kMs);
  EXPECT_EQ(breaker_open_time(kRules, 0, 1.0), 4'800 * kMs);
  const BreakerRules day{.recovery_timeout_ns = 86'400 * kSecond};
  EXPECT_EQ(breaker_open_time(day, 3, kMiddle), 86'400 * kSecond);
}

TEST_F(BreakerTest, LateResultsCountAsStaleAndChangeNothing) {
  const BreakerPermit early = permit();
  open();
  EXPECT_FALSE(breaker_.fail(early, kRules, now_, kMiddle));
  now_ += 4 * kSecond;
  permit();
  breaker_.succeed(early, kRules, 100);
  EXPECT_EQ(state(), BreakerState::half_open);
  EXPECT_FALSE(breaker_.fail(early, kRules, now_, kMiddle));
  EXPECT_EQ(state(), BreakerState::half_open);
  EXPECT_EQ(slot_.stale.load(), 3U);
}

TEST_F(BreakerTest, UndecidedTrialIsAskedAnew) {
  open();
  now_ += 4 * kSecond;
  const BreakerPermit lost = permit();
  permit();
  EXPECT_EQ(retry_after(), 4 * kSecond);
  now_ += 4 * kSecond;
  const BreakerPermit fresh = permit();
  EXPECT_NE(fresh.generation, lost.generation);
  breaker_.succeed(lost, kRules, 2);
  EXPECT_EQ(state(), BreakerState::half_open);
  breaker_.succeed(fresh, kRules, 2);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(BreakerTest, WhoeverAsksFinishesForAProverThatDied) {
  open();
  now_ += 4 * kSecond;
  const BreakerPermit only = permit();
  const std::uint64_t before = slot_.state.load();
  breaker_.succeed(only, kRules, 2);
  slot_.state.store(before);  // it died between the account and the transition
  EXPECT_TRUE(breaker_.ask(kRules, now_).permit);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(BreakerTest, ForcedOpenRefusesUntilItIsLetGo) {
  breaker_.set_mode(BreakerMode::forced_open, now_);
  EXPECT_EQ(Breaker::acting(breaker_.word()), BreakerState::open);
  now_ += 100 * kSecond;
  EXPECT_GT(retry_after(), 0);
  breaker_.set_mode(BreakerMode::automatic, now_);
  permit();
  EXPECT_EQ(state(), BreakerState::half_open) << "it begins with a trial";
}

TEST_F(BreakerTest, ForcedClosedNeverOpens) {
  open();
  breaker_.set_mode(BreakerMode::forced_closed, now_);
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(breaker_.fail(permit(), kRules, now_, kMiddle));
  EXPECT_EQ(Breaker::acting(breaker_.word()), BreakerState::closed);
  breaker_.set_mode(BreakerMode::automatic, now_);
  EXPECT_EQ(state(), BreakerState::closed);
  EXPECT_EQ(breaker_.view(kRules, now_).failures, 0U);
}

TEST_F(BreakerTest, ResetForgets) {
  open();
  const std::uint32_t generation = breaker_.current().generation;
  breaker_.reset();
  EXPECT_EQ(state(), BreakerState::closed);
  EXPECT_NE(breaker_.current().generation, generation);
}

}  // namespace
}  // namespace mabeam::shm

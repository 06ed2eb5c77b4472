// Backoff and the retry budget, whose clock is the test's.
#include "shm/retry.hpp"

#include <gtest/gtest.h>

#include <random>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::int64_t kOneSecond = 1'000'000'000;

TEST(Backoff, CeilingDoublesUpToItsEnd) {
  const Backoff backoff{milliseconds{10}, milliseconds{70}};
  EXPECT_EQ(backoff.ceiling(1), milliseconds{10});
  EXPECT_EQ(backoff.ceiling(2), milliseconds{20});
  EXPECT_EQ(backoff.ceiling(3), milliseconds{40});
  EXPECT_EQ(backoff.ceiling(4), milliseconds{70});
  EXPECT_EQ(backoff.ceiling(1'000), milliseconds{70});
}

TEST(Backoff, CeilingIsNeverPastTheEndOfTime) {
  const Backoff endless{nanoseconds{1}, nanoseconds::max()};
  EXPECT_EQ(endless.ceiling(63).count(), std::int64_t{1} << 62);
  EXPECT_EQ(endless.ceiling(64), nanoseconds::max());
  EXPECT_EQ((Backoff{milliseconds{10}, milliseconds{1}}.ceiling(1)), milliseconds{1});
  EXPECT_EQ((Backoff{milliseconds{10}, nanoseconds{0}}.ceiling(5)).count(), 0);
  EXPECT_EQ((Backoff{nanoseconds{0}, milliseconds{1}}.ceiling(1)).count(), 0);
}

TEST(Backoff, DelayHasFullJitter) {
  const Backoff backoff{milliseconds{8}, milliseconds{8}};
  std::minstd_rand random{1};
  nanoseconds lowest = milliseconds{8};
  nanoseconds highest{0};
  nanoseconds sum{0};
  for (int i = 0; i < 1'000; ++i) {
    const nanoseconds delay = backoff.delay(3, random);
    ASSERT_LE(delay, milliseconds{8});
    ASSERT_GE(delay.count(), 0);
    lowest = std::min(lowest, delay);
    highest = std::max(highest, delay);
    sum += delay;
  }
  EXPECT_LT(lowest, milliseconds{1});
  EXPECT_GT(highest, milliseconds{7});
  EXPECT_GT(sum / 1'000, milliseconds{3});
  EXPECT_LT(sum / 1'000, milliseconds{5});
}

std::uint64_t retries_left(RetryBudget budget, std::int64_t now_ns) {
  std::uint64_t retries = 0;
  while (budget.take_retry(now_ns))
    ++retries;
  return retries;
}

TEST(RetryBudget, HasAFewForThoseWhoCallSeldom) {
  EXPECT_EQ(retries_left(RetryBudget{}, 0), RetryBudget::kReserve);
}

TEST(RetryBudget, IsAFifthOfTheCallsAndThoseFew) {
  RetryBudget budget;
  for (int i = 0; i < 1'000; ++i)
    budget.note_call(kOneSecond);
  EXPECT_EQ(retries_left(budget, kOneSecond), 200 + RetryBudget::kReserve);
}

TEST(RetryBudget, ForgetsWhatIsTenSecondsOld) {
  RetryBudget budget;
  for (int i = 0; i < 1'000; ++i)
    budget.note_call(5 * kOneSecond);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(budget.take_retry(6 * kOneSecond));
  EXPECT_EQ(retries_left(budget, 14 * kOneSecond), 110U);
  EXPECT_EQ(retries_left(budget, 15 * kOneSecond),
            0U);  // the calls are gone, their retries are not
  EXPECT_EQ(retries_left(budget, 16 * kOneSecond), RetryBudget::kReserve);
}

TEST(RetryBudget, LongSilenceIsNoCredit) {
  RetryBudget budget;
  for (int i = 0; i < 1'000; ++i)
    budget.note_call(0);
  EXPECT_EQ(retries_left(budget, 1'000 * kOneSecond), RetryBudget::kReserve);
}

}  // namespace
}  // namespace mabeam::shm

#include "supervisor/restart.hpp"

#include "supervisor/joint_restart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kNoJitter = 0;
constexpr double kMostJitter = 1;
constexpr Ending kCrash{.code = std::nullopt, .was_ready = true};
constexpr Ending kNeverReady{.code = 1, .was_ready = false};

TEST(RestartPlan, FirstFailureOfAReadyWorkerRestartsAtOnce) {
  RestartPlan plan;
  const Decision decision = plan.decide(kCrash, 5s, kNoJitter, {});
  EXPECT_EQ(decision.verdict, Verdict::restart);
  EXPECT_EQ(decision.delay, 0s);
}

TEST(RestartPlan, WorkerThatWasNeverReadyWaits) {
  RestartPlan plan;
  EXPECT_EQ(plan.decide(kNeverReady, 5s, kNoJitter, {}).delay, 50ms);
}

TEST(RestartPlan, DelayDoublesUpToItsMaximum) {
  RestartPlan plan;
  const RestartConfig config{.backoff_min = 100ms, .backoff_max = 1s};
  Time now = 1s;
  for (const Time expected : {0ms, 100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    EXPECT_EQ(plan.decide(kCrash, now, kNoJitter, config).delay, expected);
    now += 2s;
  }
}

TEST(RestartPlan, DelayNeverOverflows) {
  RestartPlan plan;
  const RestartConfig config{.backoff_min = 1ns, .backoff_max = 24h};
  Decision decision;
  for (int i = 0; i < 100; ++i)
    decision = plan.decide(kNeverReady, 1s, kNoJitter, config);
  EXPECT_EQ(decision.delay, 24h);
}

TEST(RestartPlan, HealthyMinuteForgivesWhatCameBefore) {
  RestartPlan plan;
  for (int i = 0; i < 5; ++i)
    static_cast<void>(plan.decide(kCrash, 10s, kNoJitter, {}));
  EXPECT_EQ(plan.decide(kCrash, 70s, kNoJitter, {}).delay, 0s);
  EXPECT_EQ(plan.decide(kCrash, 71s, kNoJitter, {}).delay, 50ms);
}

TEST(RestartPlan, MinuteWithoutBeingReadyForgivesNothing) {
  RestartPlan plan;
  static_cast<void>(plan.decide(kNeverReady, 10s, kNoJitter, {}));
  EXPECT_EQ(plan.decide(kNeverReady, 80s, kNoJitter, {}).delay, 100ms);
}

TEST(RestartPlan, JitterShortensButNotUnderTheMinimum) {
  RestartPlan plan;
  EXPECT_EQ(plan.decide(kNeverReady, 1s, kMostJitter, {}).delay, 50ms);
  EXPECT_EQ(plan.decide(kNeverReady, 1s, kMostJitter, {}).delay, 80ms);
  EXPECT_EQ(plan.decide(kNeverReady, 1s, 0.5, {}).delay, 180ms);
}

TEST(RestartPlan, NoBackoffIsNoDelay) {
  RestartPlan plan;
  const RestartConfig config{.backoff_min = 0s, .backoff_max = 0s};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(plan.decide(kNeverReady, 1s, 0.5, config).delay, 0s);
}

TEST(RestartPlan, CodesThatSayWhyNotAreFinalUnderEveryPolicy) {
  for (const std::int32_t code : {64, 76, 77, 78}) {
    for (const auto policy :
         {RestartPolicy::permanent, RestartPolicy::transient, RestartPolicy::temporary}) {
      RestartPlan plan;
      const Ending ending{.code = code, .was_ready = true};
      EXPECT_EQ(plan.decide(ending, 1s, kNoJitter, {.policy = policy}).verdict, Verdict::fail);
    }
  }
}

TEST(RestartPlan, PoliciesAreThoseOfOtp) {
  const Ending done{.code = 0, .was_ready = true};
  const auto verdict = [](const Ending& ending, RestartPolicy policy) {
    RestartPlan plan;
    return plan.decide(ending, 1s, kNoJitter, {.policy = policy}).verdict;
  };
  EXPECT_EQ(verdict(done, RestartPolicy::permanent), Verdict::restart);
  EXPECT_EQ(verdict(done, RestartPolicy::transient), Verdict::leave);
  EXPECT_EQ(verdict(done, RestartPolicy::temporary), Verdict::leave);
  EXPECT_EQ(verdict(kCrash, RestartPolicy::permanent), Verdict::restart);
  EXPECT_EQ(verdict(kCrash, RestartPolicy::transient), Verdict::restart);
  EXPECT_EQ(verdict(kCrash, RestartPolicy::temporary), Verdict::fail);
}

TEST(RestartPlan, PlannedEndIsNoFailure) {
  const Ending planned{.code = std::nullopt, .was_ready = true, .was_planned = true};
  EXPECT_FALSE(is_failure(planned));
  RestartPlan plan;
  EXPECT_EQ(plan.decide(planned, 1s, kNoJitter, {.policy = RestartPolicy::temporary}).delay, 0s);
  EXPECT_EQ(plan.decide(kCrash, 2s, kNoJitter, {}).delay, 0s);
}

TEST(RestartPlan, TryAgainWaitsWithoutBlame) {
  const Ending again{.code = 75, .was_ready = false};
  EXPECT_FALSE(is_failure(again));
  RestartPlan plan;
  EXPECT_EQ(plan.decide(again, 1s, kNoJitter, {}).delay, 50ms);
}

TEST(RestartPlan, WhoAsksForAnotherIncarnationGetsItAtOnceUnderEveryPolicy) {
  for (const auto policy :
       {RestartPolicy::permanent, RestartPolicy::transient, RestartPolicy::temporary}) {
    RestartPlan plan;
    const Ending planned{.code = 99, .was_ready = true};
    EXPECT_FALSE(is_failure(planned));
    for (const Time now : {1s, 2s}) {
      const Decision decision = plan.decide(planned, now, kNoJitter, {.policy = policy});
      EXPECT_EQ(decision.verdict, Verdict::restart);
      EXPECT_EQ(decision.delay, 0s);
    }
  }
}

TEST(RestartPlan, WhoAsksForItBeforeItWasReadyWaits) {
  RestartPlan plan;
  const Ending planned{.code = 99, .was_ready = false};
  EXPECT_EQ(plan.decide(planned, 1s, kNoJitter, {}).delay, 50ms);
  EXPECT_EQ(plan.decide(planned, 2s, kNoJitter, {}).delay, 100ms);
}

TEST(RestartStrategy, TakesAlongWhomOtpDoes) {
  EXPECT_THAT(restarted_with(1, 4, RestartStrategy::one_for_one), IsEmpty());
  EXPECT_THAT(restarted_with(1, 4, RestartStrategy::one_for_all), ElementsAre(0, 2, 3));
  EXPECT_THAT(restarted_with(1, 4, RestartStrategy::rest_for_one), ElementsAre(2, 3));
  EXPECT_THAT(restarted_with(3, 4, RestartStrategy::rest_for_one), IsEmpty());
  EXPECT_THAT(restarted_with(0, 1, RestartStrategy::one_for_all), IsEmpty());
}

TEST(RestartStrategy, NothingPlannedTakesAnybodyAlong) {
  EXPECT_TRUE(takes_others_along(kCrash));
  EXPECT_TRUE(takes_others_along(kNeverReady));
  EXPECT_TRUE(takes_others_along({.code = 0, .was_ready = true})) << "as a permanent child's end";
  EXPECT_FALSE(takes_others_along({.was_ready = true, .was_planned = true}));
  for (const std::int32_t code : {75, 99})
    EXPECT_FALSE(takes_others_along({.code = code, .was_ready = true})) << code;
}

TEST(JointRestart, NobodyStartsBeforeTheLastHasEnded) {
  JointRestart joint;
  EXPECT_FALSE(joint.due()) << "there is nobody";
  joint.await(2);
  joint.await(0);
  joint.add_ended(1, 5s);
  EXPECT_FALSE(joint.due());
  joint.add_ended(2, 3s);
  EXPECT_FALSE(joint.due());
  joint.add_ended(0, 4s);
  EXPECT_EQ(joint.due(), 5s) << "the one that failed may have to wait longest";
  EXPECT_THAT(joint.take(), ElementsAre(0, 1, 2));
  EXPECT_FALSE(joint.has(1));
  joint.add_ended(3, 1s);
  EXPECT_EQ(joint.due(), 1s) << "what was before is forgotten";
}

TEST(JointRestart, WhoLeavesHoldsNobodyUp) {
  JointRestart joint;
  joint.await(0);
  joint.add_ended(1, 2s);
  joint.forget(0);
  EXPECT_EQ(joint.due(), 2s);
  joint.forget(1);
  EXPECT_FALSE(joint.due());
  joint.add_ended(2, 1s);
  EXPECT_EQ(joint.due(), 1s);
}

TEST(RestartIntensity, AllowsSoManyRestartsWithinThePeriod) {
  RestartIntensity intensity;
  const RestartConfig config{.intensity = 3, .period = 10s};
  for (const Time now : {1s, 2s, 3s})
    EXPECT_FALSE(intensity.is_exceeded(now, config));
  EXPECT_TRUE(intensity.is_exceeded(11s, config));
}

TEST(RestartIntensity, ForgetsWhatIsOlderThanThePeriod) {
  RestartIntensity intensity;
  const RestartConfig config{.intensity = 3, .period = 10s};
  for (const Time now : {1s, 2s, 3s})
    EXPECT_FALSE(intensity.is_exceeded(now, config));
  EXPECT_FALSE(intensity.is_exceeded(12s, config));
}

TEST(RestartIntensity, ReadyWorkerWipesTheSlate) {
  RestartIntensity intensity;
  const RestartConfig config{.intensity = 1, .period = 10s};
  EXPECT_FALSE(intensity.is_exceeded(1s, config));
  intensity.forget();
  EXPECT_FALSE(intensity.is_exceeded(2s, config));
  EXPECT_TRUE(intensity.is_exceeded(3s, config));
}

TEST(RestartIntensity, NoneAllowedIsNone) {
  RestartIntensity intensity;
  EXPECT_TRUE(intensity.is_exceeded(1s, {.intensity = 0}));
}

// The delays of the default settings must not keep the default intensity from being reached.
TEST(RestartIntensity, DefaultBackoffReachesTheDefaultIntensity) {
  for (const double chance : {0.0, 0.5, 1.0}) {
    RestartPlan plan;
    RestartIntensity intensity;
    const RestartConfig config;
    Time now = 1s;
    std::uint32_t restarts = 0;
    while (restarts < 100 && !intensity.is_exceeded(now, config)) {
      now += plan.decide(kNeverReady, now, chance, config).delay + 20ms;
      ++restarts;
    }
    EXPECT_EQ(restarts, config.intensity);
  }
}

}  // namespace
}  // namespace mabeam::supervisor

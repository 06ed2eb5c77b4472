#include "supervisor/watch.hpp"

#include <gtest/gtest.h>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr Time kTimeout = 10s;

TEST(Watch, SilenceIsSuspectAfterAFifthAndAHangAfterTheWhole) {
  Watch watch;
  watch.begin(100s);
  EXPECT_EQ(watch.judge(102s, kTimeout), Hearing::fresh);
  EXPECT_EQ(watch.judge(102s + 1ns, kTimeout), Hearing::suspect);
  EXPECT_EQ(watch.judge(110s, kTimeout), Hearing::suspect);
  EXPECT_EQ(watch.judge(110s + 1ns, kTimeout), Hearing::hung);
}

TEST(Watch, HeartbeatEndsTheSilence) {
  Watch watch;
  watch.begin(100s);
  watch.hear(109s, 110s);
  EXPECT_EQ(watch.silence(110s), 1s);
}

TEST(Watch, OlderAndFutureHeartbeatsAreNotTaken) {
  Watch watch;
  watch.begin(100s);
  watch.hear(5s, 110s);
  watch.hear(Time::max(), 110s);
  watch.hear(Time::min(), 110s);
  EXPECT_EQ(watch.silence(110s), 10s);
}

TEST(Watch, OffIsNeverSilent) {
  Watch watch;
  EXPECT_EQ(watch.judge(100h, 0s), Hearing::fresh);
}

TEST(Watch, TimeInWhichTheSupervisorDidNotRunCountsForNobody) {
  Watch watch;
  watch.begin(100s);
  watch.forgive(30s, 131s);
  EXPECT_EQ(watch.silence(131s), 1s);
  watch.forgive(30s, 132s);
  EXPECT_EQ(watch.silence(132s), 0s);
}

TEST(OwnLag, SmallDelaysAreUsual) {
  OwnLag lag;
  EXPECT_EQ(lag.measure(10s, 250ms), 0s);
  EXPECT_EQ(lag.measure(10s + 250ms, 250ms), 0s);
  EXPECT_EQ(lag.measure(10s + 700ms, 250ms), 0s);
}

TEST(OwnLag, StarvationIsMeasured) {
  OwnLag lag;
  EXPECT_EQ(lag.measure(10s, 250ms), 0s);
  EXPECT_EQ(lag.measure(15s, 250ms), 4750ms);
  EXPECT_EQ(lag.measure(15s + 250ms, 250ms), 0s);
}

TEST(ScanPeriod, IsATenthOfTheTimeoutWithinBounds) {
  EXPECT_EQ(scan_period(0s), 250ms);
  EXPECT_EQ(scan_period(10s), 250ms);
  EXPECT_EQ(scan_period(200ms), 20ms);
  EXPECT_EQ(scan_period(10us), 1ms);
}

TEST(IsTraced, TellsWhetherADebuggerHoldsAProcess) {
  EXPECT_FALSE(is_traced(::getpid()));
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(is_traced(child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(is_traced(child));
}

}  // namespace
}  // namespace mabeam::supervisor

// Processes: told apart by pid and start time, and looked at while they die.
#include "shm/process.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

pid_t fork_sleeper() {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  for (;;)
    ::pause();
}

TEST(Process, LivesUntilItIsKilledAndIsNobodyElse) {
  const pid_t pid = fork_sleeper();
  const auto process = process_of(pid);
  ASSERT_TRUE(process);
  EXPECT_TRUE(is_alive(*process));
  EXPECT_NE(*process, self_process());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(is_alive(*process));
  EXPECT_FALSE(process_of(pid));
}

TEST(Process, ZombieIsDead) {
  const pid_t pid = fork_sleeper();
  const auto process = process_of(pid);
  ::kill(pid, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(is_alive(*process));
  ::waitpid(pid, nullptr, 0);
}

// Between the open of /proc/PID/stat and its read the process may go: that is "dead", no exception.
TEST(Process, MayDieWhileItIsLookedAt) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);  // a child vanishes as soon as it ends
  for (int i = 0; i < 500; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(0);
    while (process_of(pid)) {
    }
  }
  ::signal(SIGCHLD, before);
}

}  // namespace
}  // namespace mabeam::shm

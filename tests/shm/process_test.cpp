// Processes: told apart by pid and start time, and looked at while they die.
#include "shm/process.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include <sys/resource.h>
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

// Who is out of descriptors must not take the living for dead: he would take over what they own.
TEST(Process, LivesAsLongAsNobodyCanTell) {
  const pid_t pid = fork_sleeper();
  const auto process = process_of(pid);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool was_alive = is_alive(*process);
  const bool was_unreadable = is_unreadable(pid);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  const bool is_still_alive = is_alive(*process);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(was_alive);
  EXPECT_TRUE(was_unreadable);
  EXPECT_FALSE(is_still_alive);
}

}  // namespace
}  // namespace mabeam::shm

#include "supervisor/limits/dying.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

std::string status(const std::string& of_thread, const std::string& of_process) {
  return "Name:\tx\nVmSize:\t    4096 kB\nSigPnd:\t" + of_thread + "\nShdPnd:\t" + of_process +
         "\nSigBlk:\tffffffffffffffff\n";
}

TEST(Dying, KillThatIsOnItsWayIsSeen) {
  const std::string none(16, '0');
  EXPECT_FALSE(is_dying(status(none, none)));
  EXPECT_TRUE(is_dying(status("0000000000000100", none)));
  EXPECT_TRUE(is_dying(status(none, "0000000000004100")));
  EXPECT_FALSE(is_dying(status("0000000000004000", "0000000000000200"))) << "another signal";
}

TEST(Dying, WithoutMemoryItIsOver) {
  EXPECT_TRUE(is_dying(std::string_view{"Name:\tx\nState:\tR (running)\n"}));
  EXPECT_TRUE(is_dying(std::string_view{}));
}

TEST(Dying, ProcessesAreSeenAsTheyAre) {
  EXPECT_FALSE(is_dying(::getpid()));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(is_dying(child)) << "a zombie";
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(is_dying(child));
}

}  // namespace
}  // namespace mabeam::supervisor

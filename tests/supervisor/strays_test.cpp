#include "supervisor/strays.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

using namespace std::string_literals;

TEST(Strays, AreKnownByTheirEnvironment) {
  const StartedBy by{3, 17};
  const std::string text = started_by_text("prod", by);
  EXPECT_EQ(text, "MABEAM_STARTED_BY=prod/3/17");
  EXPECT_EQ(find_started_by("HOME=/\0"s + text + "\0TERM=x\0"s, "prod"), by);
  EXPECT_EQ(find_started_by(text, "prod"), by) << "cut short at its end";
  EXPECT_FALSE(find_started_by(text + '\0', "pro"));
  EXPECT_FALSE(find_started_by("", "prod"));
  for (const char* value : {"", "prod", "prod/", "prod/3", "prod/3/", "prod//17", "prod/3/x",
                            "prod/3/17/1", "prod/4294967296/1", "prod/-1/1"}) {
    EXPECT_FALSE(find_started_by("MABEAM_STARTED_BY="s + value, "prod")) << value;
  }
}

/// A child that runs with that environment until it is killed.
pid_t start(const std::string& variable) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const char* const arguments[] = {"sleep", "600", nullptr};
  const char* const environment[] = {variable.c_str(), nullptr};
  ::execve("/bin/sleep", const_cast<char**>(arguments), const_cast<char**>(environment));
  ::_exit(1);
}

TEST(Strays, OfDeadWorkersAreKilledAndNobodyElse) {
  const std::string runtime = "t-strays-" + std::to_string(::getpid());
  const pid_t dead = start(started_by_text(runtime, {0, 1}));
  const pid_t living = start(started_by_text(runtime, {0, 2}));
  const pid_t stranger = start("HOME=/");
  const auto lives = [](StartedBy by) { return by == StartedBy{0, 2}; };
  int killed = 0;
  while (killed == 0)  // until it is its own program
    killed = kill_strays(runtime, lives);
  EXPECT_EQ(killed, 1);
  int status = 0;
  EXPECT_EQ(::waitpid(dead, &status, 0), dead);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(kill_strays(runtime, lives), 0);
  for (const pid_t pid : {living, stranger}) {
    EXPECT_EQ(::waitpid(pid, &status, WNOHANG), 0);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
}

}  // namespace
}  // namespace mabeam::supervisor

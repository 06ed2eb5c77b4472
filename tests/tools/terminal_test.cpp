// Whatever kills a command that has taken the terminal over: the terminal is as it was before.
#include "tools/top/terminal.hpp"

#include "tests/support/pseudo_terminal.hpp"
#include "tests/support/wait_until.hpp"
#include "tools/cli/stop_signal.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <string_view>

#include <poll.h>
#include <sys/resource.h>

namespace mabeam::tools {
namespace {

using tests::PseudoTerminal;

constexpr std::chrono::milliseconds kTerminalPatience{20'000};

/// A command that shows what it knows of, and does not end when it is asked to.
void run_stubborn() {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (const int signal : {SIGHUP, SIGQUIT})
    ::signal(signal, SIG_DFL);  // of a test in the background they are ignored
  watch_stop_signals();
  const auto terminal = Terminal::open(true);
  while (terminal) {
    terminal->show({.lines = {{Run{.text = stop_requested() ? "ASKED" : "ready"}}}});
    ::poll(nullptr, 0, 1);
  }
}

class TerminalTest : public ::testing::Test {
 protected:
  void run() {
    before_ = terminal_.settings();
    terminal_.run(run_stubborn);
    ASSERT_TRUE(has_come("ready"));
    EXPECT_EQ(terminal_.settings().c_lflag & (ECHO | ICANON), 0U);
  }

  bool has_come(std::string_view text) {
    return tests::wait_until(kTerminalPatience,
                             [&] { return terminal_.received().find(text) != std::string::npos; });
  }

  void expect_killed_and_restored(int signal) {
    EXPECT_EQ(terminal_.wait(kTerminalPatience), 128 + signal);
    const std::string& all = terminal_.received();
    EXPECT_NE(all.rfind("\x1B[?1049l"), std::string::npos) << "the old screen is back";
    EXPECT_NE(all.rfind("\x1B[?12l\x1B[?25h"), std::string::npos) << "and the cursor";
    EXPECT_EQ(terminal_.settings().c_lflag, before_.c_lflag);
    EXPECT_EQ(terminal_.settings().c_iflag, before_.c_iflag);
  }

  PseudoTerminal terminal_;
  termios before_{};
};

TEST_F(TerminalTest, SignalsThatKillGiveItBack) {
  run();
  terminal_.type("\x1C");  // Ctrl-backslash
  expect_killed_and_restored(SIGQUIT);
  run();
  terminal_.signal(SIGHUP);
  expect_killed_and_restored(SIGHUP);
}

TEST_F(TerminalTest, StoppedOneKeepsNobodyAlive) {
  run();
  terminal_.type("\x13");  // Ctrl-S
  terminal_.signal(SIGHUP);
  EXPECT_EQ(terminal_.wait(kTerminalPatience), 128 + SIGHUP);
  EXPECT_EQ(terminal_.settings().c_lflag, before_.c_lflag);
}

TEST_F(TerminalTest, SoDoesASecondRequest) {
  run();
  terminal_.type("\x03");
  ASSERT_TRUE(has_come("ASKED"));
  terminal_.type("\x03");
  expect_killed_and_restored(SIGINT);
  run();
  terminal_.signal(SIGTERM);
  ASSERT_TRUE(has_come("ASKED"));
  terminal_.signal(SIGTERM);
  expect_killed_and_restored(SIGTERM);
}

}  // namespace
}  // namespace mabeam::tools

// The screen of `mabeam top` on a real terminal, beside a real runtime.
#include "tests/support/pseudo_terminal.hpp"
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <string>

namespace mabeam::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kGreen = "\x1B[32m";

class TopTest : public RuntimeFixture {
 protected:
  /// An agent, a dead letter, and two workers, of which one has crashed and waits.
  void start_with_backoff() {
    configure(
        "[runtime]\nworkers = 2\nshards = 2\nfault_agents = true\n"
        "[restart]\nbackoff_min = \"100s\"\nbackoff_max = \"100s\"\n");
    start_ready();
    ASSERT_EQ(mabeam({"create", "--type", "fault", "--name", "culprit"}).exit, 0);
    ASSERT_EQ(mabeam({"create", "--type", "echo", "--name", "mirror"}).exit, 0);
    bury("evil\x1B]0;owned\a");
    ASSERT_EQ(mabeam({"send", "culprit", "crash"}).exit, 0);
    ASSERT_TRUE(wait_until(kPatience, [&] {
      const auto seen = view();
      return seen && std::any_of(seen->workers.begin(), seen->workers.end(), [](const auto& each) {
               return each.state == WorkerState::backoff;
             });
    }));
  }

  /// Makes a dead letter of a message.
  void bury(const std::string& text) {
    EXPECT_EQ(mabeam({"create", "--type", "echo", "--name", "grave"}).exit, 0);
    EXPECT_EQ(mabeam({"suspend", "grave"}).exit, 0);
    EXPECT_EQ(mabeam({"send", "grave", "note", text}).exit, 0);
    EXPECT_EQ(mabeam({"stop", "grave"}).exit, 0);
  }

  void run_top(const std::vector<std::string>& environment = {}) {
    before_ = terminal_.settings();
    terminal_.run(program("mabeam"), {"--name", name(), "top", "--interval", "50ms"}, environment);
  }

  [[nodiscard]] bool shows(std::string_view text) { return terminal_.shows(text, kPatience); }

  /// It has ended well, and the terminal is as it was before.
  void expect_restored() {
    EXPECT_EQ(terminal_.wait(kPatience), 0) << terminal_.screen();
    const termios after = terminal_.settings();
    EXPECT_EQ(after.c_lflag, before_.c_lflag);
    EXPECT_EQ(after.c_iflag, before_.c_iflag);
    EXPECT_EQ(after.c_oflag, before_.c_oflag);
    const std::string& all = terminal_.received();
    EXPECT_GT(all.rfind("\x1B[?1049l"), all.rfind("\x1B[?1049h")) << "the old screen is back";
    EXPECT_GT(all.rfind("\x1B[?12l\x1B[?25h"), all.rfind("\x1B[?25l")) << "and the cursor";
  }

  PseudoTerminal terminal_;
  termios before_{};
};

TEST_F(TopTest, ShowsABackoffObeysKeysAndSizesAndOutlivesTheRuntime) {
  start_with_backoff();
  run_top();
  EXPECT_TRUE(shows("running, ")) << terminal_.screen();
  EXPECT_TRUE(shows("backoff")) << terminal_.screen();
  EXPECT_TRUE(shows(kSanitizer ? "exit 1" : "sig 11")) << terminal_.screen();
  EXPECT_EQ(terminal_.settings().c_lflag & ECHO, 0U);
  EXPECT_THAT(terminal_.received(), HasSubstr(kGreen));

  terminal_.type("4");
  EXPECT_TRUE(shows("mirror")) << terminal_.screen();
  terminal_.type("/CULP\r");
  EXPECT_TRUE(shows("filter \"CULP\" ")) << terminal_.screen();
  EXPECT_THAT(terminal_.screen(), Not(HasSubstr("mirror")));
  terminal_.type("\x1B[Z");  // Shift-Tab
  EXPECT_TRUE(shows("[3 topics]")) << terminal_.screen();

  terminal_.type("1");
  terminal_.resize({160, 40});
  EXPECT_TRUE(shows("UPTIME")) << terminal_.screen();
  terminal_.type("6");
  EXPECT_TRUE(shows("evil\\x1B]0;owned\\x07")) << terminal_.screen();
  EXPECT_THAT(terminal_.received(), Not(HasSubstr("\x1B]")));
  terminal_.type("8");
  EXPECT_TRUE(shows("worker died")) << terminal_.screen();
  terminal_.resize({40, 10});
  EXPECT_TRUE(shows("too small: 40x10")) << terminal_.screen();
  terminal_.resize({80, 24});

  supervisor().signal(SIGINT);
  EXPECT_EQ(supervisor().wait(), 0);
  EXPECT_TRUE(shows("GONE for ")) << terminal_.screen();
  EXPECT_THAT(terminal_.screen(), HasSubstr("there is no runtime '" + name() + "'"));
  start_ready();
  EXPECT_TRUE(shows("running, ")) << terminal_.screen();

  terminal_.type("q");
  expect_restored();
}

TEST_F(TopTest, SignalsGiveTheTerminalBack) {
  start_ready();
  for (const int number : {SIGTERM, SIGINT}) {
    run_top({"NO_COLOR=1"});
    EXPECT_TRUE(shows("running, ")) << terminal_.screen();
    EXPECT_THAT(terminal_.received(), Not(HasSubstr(kGreen))) << "no colour was wanted";
    terminal_.signal(number);
    expect_restored();
  }
  // What a terminal cannot show as a screen is text.
  terminal_.run(program("mabeam"), {"--name", name(), "top", "--interval", "1ms"}, {"TERM=dumb"});
  ASSERT_TRUE(wait_until(
      kPatience, [&] { return terminal_.received().find("latency p50") != std::string::npos; }));
  terminal_.type("\x03");
  EXPECT_EQ(terminal_.wait(kPatience), 0);
  EXPECT_THAT(terminal_.received(), Not(HasSubstr("\x1B[?1049h")));
}

}  // namespace
}  // namespace mabeam::tests

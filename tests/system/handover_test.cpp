// USR2: another program takes the supervisor's place in its process, or is refused.
#include "shm/control.hpp"
#include "shm/process.hpp"
#include "shm/repeats.hpp"
#include "shm/segment.hpp"
#include "tests/support/call_stream.hpp"
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kTwoToHandOver = "[runtime]\nworkers = 2\nshards = 4\n";

/// The supervisor is run by a link, which stands for the place where it is installed.
class HandoverTest : public RuntimeFixture {
 protected:
  void SetUp() override {
    real_ = program("mabeam-supervisor");
    worker_ = program("mabeam-worker").string();
    bin_ = folder() / "bin";
    fs::create_directory(bin_);
    fs::create_symlink(program("mabeam"), bin_ / "mabeam");
    install(real_);
    ::setenv("MABEAM_BIN_DIR", bin_.c_str(), 1);
    configure(std::string{kTwoToHandOver} + "[worker]\nexecutable = \"" + worker_ + "\"\n");
  }

  void TearDown() override {
    RuntimeFixture::TearDown();
    ::unsetenv("MABEAM_BIN_DIR");
  }

  /// What is run in the supervisor's place from now on.
  void install(const fs::path& what) const {
    fs::create_symlink(what, bin_ / "next");
    fs::rename(bin_ / "next", bin_ / "mabeam-supervisor");
  }

  /// A script that runs `before` and then the real program.
  void install_script(const std::string& before) {
    install(write_script("program", before + "exec " + real_.string() + " \"$@\"\n"));
  }

  void start_runtime() {
    start_ready();
    ASSERT_TRUE(wait_workers_ready());
  }

  [[nodiscard]] std::vector<pid_t> workers() const { return {ready_worker(0), ready_worker(1)}; }

  [[nodiscard]] std::size_t count_in_log(const std::string& text) {
    const std::string log = supervisor().err();
    std::size_t count = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
      ++count;
    return count;
  }

  [[nodiscard]] bool hands_over(std::size_t times = 1) {
    supervisor().signal(SIGUSR2);
    return wait_until(kPatience,
                      [&] { return count_in_log("this program has taken over") >= times; });
  }

  void expect_refusal(const std::string& reason) {
    const std::size_t before = count_in_log("this one goes on");
    supervisor().signal(SIGUSR2);
    EXPECT_TRUE(wait_until(kPatience, [&] { return count_in_log("this one goes on") > before; }))
        << reason;
    const std::string log = supervisor().err();
    EXPECT_THAT(log.substr(log.rfind("this one goes on")), HasSubstr(reason));
  }

  /// The segment's lock is held.
  [[nodiscard]] bool is_locked() const {
    const int fd = ::open(segment_path().c_str(), O_RDWR | O_CLOEXEC);

    struct flock lock {};

    lock.l_type = F_WRLCK;
    lock.l_len = 1;
    const bool is_held = ::fcntl(fd, F_OFD_SETLK, &lock) != 0;
    ::close(fd);
    return is_held;
  }

  fs::path bin_;
  fs::path real_;
  std::string worker_;
};

TEST_F(HandoverTest, KeepsWorkersMessagesLockAndBell) {
  start_runtime();
  const std::vector<pid_t> before = workers();
  CallStream stream{name(), 8};
  ASSERT_TRUE(stream.wait_for(100));
  const fs::path copy = folder() / "mabeam-supervisor-2";
  fs::copy_file(real_, copy);
  install(copy);
  ASSERT_TRUE(hands_over());
  EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(supervisor().pid()) + "/exe"), copy);
  ASSERT_TRUE(stream.wait_for(100));
  install(real_);
  ASSERT_TRUE(hands_over(2)) << "the new one can, too";
  std::printf("two handovers: the longest call took %lld us\n",
              static_cast<long long>(stream.longest_wait().count()));
  EXPECT_EQ(workers(), before);
  const auto runtime = view();
  for (const WorkerView& worker : runtime->workers)
    EXPECT_EQ(worker.restarts, 0U);
  EXPECT_TRUE(is_locked());
  ASSERT_EQ(mabeam({"restart", "0"}).exit, 0) << "it hears what tools ask";
  EXPECT_EQ(view()->workers[0].last_exit->cause, ExitCause::asked);
  ASSERT_EQ(::kill(before[1], SIGKILL), 0);
  ASSERT_TRUE(wait_workers_ready({before[1]}));
  EXPECT_EQ(view()->workers[1].last_exit->signal, SIGKILL) << "they are its children";
  ASSERT_TRUE(stream.wait_for(100));
  stream.finish();
}

TEST_F(HandoverTest, WhatWasHeldBackIsToldBeforeThisProgramIsGone) {
  start_runtime();
  const auto segment = shm::Segment::attach(name(), shm::Access::read_only);
  const auto reload_often = [&] {
    for (std::uint32_t i = 0; i < shm::Repeats::kMostInPeriod + 3; ++i) {
      ASSERT_TRUE(shm::ask_supervisor(*segment, shm::ControlCommand::reload, 0, {}, kPatience));
    }
  };
  const std::string told = R"("message":"repeated: configuration read again","times":3)";
  reload_often();
  ASSERT_TRUE(hands_over());
  EXPECT_EQ(count_in_log(told), 1U);
  reload_often();
  supervisor().signal(SIGTERM);
  EXPECT_EQ(supervisor().wait(), 0);
  EXPECT_EQ(count_in_log(told), 2U);
}

// The new program comes when the worker is a zombie. By perl, since a shell would wait for it.
TEST_F(HandoverTest, NothingThatComesBetweenTheTwoIsMissed) {
  start_runtime();
  const pid_t victim = ready_worker(0);
  const pid_t other = ready_worker(1);
  const std::string go = (folder() / "go").string();
  install_script(
      "case \"$*\" in *--handover-check*) ;; *)\nexec perl -e 'select undef, undef, undef, 0.01 "
      "until -e \"" +
      go + "\"; exec \"" + real_.string() + "\", @ARGV' -- \"$@\";; esac\n");
  supervisor().signal(SIGUSR2);
  ASSERT_TRUE(wait_until(kPatience, [&] { return count_in_log("handing over") == 1; }));
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  ASSERT_TRUE(wait_until(kPatience, [&] { return !shm::process_of(victim); }));
  const auto segment = shm::Segment::attach(name(), shm::Access::read_write);
  ASSERT_TRUE(segment);
  const auto answer = shm::ask_supervisor(*segment, shm::ControlCommand::reload, 1, {},
                                          std::chrono::milliseconds{50});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timed_out) << "questions find the bell, and wait";
  std::ofstream{go} << "go";
  ASSERT_TRUE(
      wait_until(kPatience, [&] { return count_in_log("this program has taken over") == 1; }));
  ASSERT_TRUE(wait_workers_ready({victim}));
  EXPECT_EQ(ready_worker(1), other);
  const WorkerView seen = view()->workers[0];
  EXPECT_EQ(seen.restarts, 1U);
  EXPECT_EQ(seen.last_exit->cause, ExitCause::signal);
  EXPECT_EQ(seen.last_exit->signal, SIGKILL);
}

TEST_F(HandoverTest, WorkerThatHasEndedForGoodStaysEnded) {
  configure(std::string{kTwoToHandOver} +
            "fault_agents = true\n[restart]\npolicy = \"temporary\"\n" +
            "[worker]\nmax_attempts = 1\nexecutable = \"" + worker_ + "\"\n");
  start_runtime();
  {
    Client client = Client::attach(name()).value();
    ASSERT_TRUE(client.send(client.create("fault").value().front(), "exit", std::uint64_t{1}));
  }
  const auto failed = [this] {
    const auto seen = view();
    return std::count_if(seen->workers.begin(), seen->workers.end(), [](const WorkerView& worker) {
      return worker.state == WorkerState::failed && worker.restarts == 0;
    });
  };
  ASSERT_TRUE(wait_until(kPatience, [&] { return failed() == 1; }));
  ASSERT_TRUE(hands_over());
  EXPECT_EQ(failed(), 1);
  EXPECT_EQ(processes().size(), 2U) << "the supervisor, and the other worker";
}

TEST_F(HandoverTest, WhatCannotTakeOverIsRefusedAndTheOldOneGoesOn) {
  start_runtime();
  const std::vector<pid_t> before = workers();
  install(
      write_script("other", "echo mabeam-handover 1 999 0123456789abcdef " + name() + " 9.9\n"));
  expect_refusal("its segments have layout 999 (0123456789abcdef)");
  install("/nowhere/mabeam-supervisor");
  expect_refusal("No such file or directory");
  const fs::path text = folder() / "text";
  std::ofstream(text) << "no program";
  install(text);
  expect_refusal("Permission denied");
  install_script("kill -SEGV $$\n");
  expect_refusal("it is ended by signal SIGSEGV");
  install("/bin/true");
  expect_refusal("it is no mabeam-supervisor that can take over");
  install(real_);
  configure("[runtime]\nworkers = 2\nshards = 5\n");
  expect_refusal("runtime.shards = 5 (the segment has 4)");
  configure("[runtime]\nwrokers = 2\n");
  expect_refusal("it exits with 78: ");
  configure(kTwoToHandOver);
  EXPECT_EQ(mabeam({"reload", "--dry-run"}).exit, 0) << "it is at work";
  EXPECT_EQ(workers(), before);
  EXPECT_EQ(count_in_log("this program has taken over"), 0U);
}

// Its interpreter goes away between the check and the exec: too late to find out before.
TEST_F(HandoverTest, OldOneGoesOnWhenTheExecFails) {
  start_runtime();
  const std::vector<pid_t> before = workers();
  const fs::path shell = folder() / "sh";
  fs::create_symlink("/bin/sh", shell);
  const fs::path script = write_script("program", "");
  std::ofstream(script) << "#!" << shell.string() << "\nrm " << shell.string() << "\nexec "
                        << real_.string() << " \"$@\"\n";
  install(script);
  expect_refusal("No such file or directory");
  EXPECT_EQ(count_in_log("handing over"), 1U);
  Program second(bin_ / "mabeam", {"--name", name(), "reload", "--dry-run"}, folder());
  EXPECT_EQ(second.wait(), 0) << "the bell still is its own";
  install(real_);
  EXPECT_TRUE(hands_over()) << "and so is the lock";
  EXPECT_EQ(workers(), before);
}

TEST_F(HandoverTest, ServiceManagerIsToldWhoGoesOn) {
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{AF_UNIX, {}};
  const std::string path = folder() / "notify";
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto hear = [socket] {
    char text[128] = {};
    const auto bytes = ::recv(socket, text, sizeof text, 0);
    return std::string(text, bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  };
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  start_runtime();
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_THAT(hear(), HasSubstr("READY=1\n"));
  supervisor().signal(SIGUSR2);
  EXPECT_THAT(hear(), HasSubstr("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_THAT(hear(),
              HasSubstr("MAINPID=" + std::to_string(supervisor().pid()) + "\nREADY=1\nSTATUS="));
  ::close(socket);
}

}  // namespace
}  // namespace mabeam::tests

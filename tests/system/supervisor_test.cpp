// A supervisor's start, its stop, and every reason not to start.
#include "shm/segment.hpp"
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/test_segment.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <regex>
#include <sstream>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kTwoToSupervise = "[runtime]\nworkers = 2\n";
/// Gives up after three restarts that come at once.
constexpr const char* kShortTemper =
    "[restart]\nintensity = 3\nbackoff_min = \"1ms\"\nbackoff_max = \"2ms\"\n";

class SupervisorTest : public RuntimeFixture {
 protected:
  [[nodiscard]] std::size_t count_in_log(const std::string& text) {
    const std::string log = supervisor().err();
    std::size_t count = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) {
      ++count;
    }
    return count;
  }
};

TEST_F(SupervisorTest, StartsEveryWorkerAndLeavesNothingAfterSigterm) {
  configure(kTwoToSupervise);
  Program& supervisor = start_ready();
  EXPECT_EQ(view()->workers.size(), 2U);
  EXPECT_TRUE(wait_workers_ready());
  supervisor.signal(SIGTERM);
  EXPECT_EQ(supervisor.wait(), 0);
  EXPECT_FALSE(fs::exists(segment_path()));
  EXPECT_TRUE(processes().empty());
  EXPECT_THAT(supervisor.err(), HasSubstr(R"("message":"stopped","segment":"removed")"));
}

TEST_F(SupervisorTest, SigintStopsFast) {
  configure(kTwoToSupervise);
  Program& supervisor = start_ready();
  supervisor.signal(SIGINT);
  EXPECT_EQ(supervisor.wait(), 0);
}

TEST_F(SupervisorTest, EveryLogLineIsAJsonObjectWhereNobodyReadsATerminal) {
  configure(kTwoToSupervise);
  Program& supervisor = start_ready();
  supervisor.signal(SIGTERM);
  ASSERT_EQ(supervisor.wait(), 0);
  std::istringstream lines(supervisor.err());
  std::string line;
  while (std::getline(lines, line)) {
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
}

TEST_F(SupervisorTest, KeepsTheSegmentWhenConfiguredSo) {
  configure("[runtime]\nworkers = 2\non_stop = \"keep\"\n");
  start_ready().signal(SIGTERM);
  EXPECT_EQ(supervisor().wait(), 0);
  EXPECT_EQ(view()->state, RuntimeState::stopped);
  configure(kTwoToSupervise);
  Program& next = start_ready();
  EXPECT_THAT(next.err(), HasSubstr("segment taken over"));
}

TEST_F(SupervisorTest, SecondOneOfTheNameIsRefused) {
  configure(kTwoToSupervise);
  start_ready();
  EXPECT_EQ(run(), 73);
  EXPECT_THAT(supervisor().err(), HasSubstr("is run by another supervisor"));
  EXPECT_EQ(run({"--discard"}), 73);
  EXPECT_TRUE(is_running());
}

TEST_F(SupervisorTest, UnknownSettingIsRefusedWithItsPlace) {
  configure("[runtime]\nworkers = 2\nshads = 4\n");
  EXPECT_EQ(run(), 78);
  EXPECT_THAT(supervisor().err(), HasSubstr("mabeam.toml:3:1: unknown key runtime.shads"));
  EXPECT_EQ(run({"--check"}), 78);
}

TEST_F(SupervisorTest, UsageErrorsExitWith64) {
  EXPECT_EQ(run({"--unknown"}), 64);
  EXPECT_EQ(run({"stray"}), 64);
  EXPECT_THAT(supervisor().err(), HasSubstr("'stray'"));
}

TEST_F(SupervisorTest, CheckPrintsTheRegionsOfTheDefaultSegment) {
  EXPECT_EQ(run({"--check"}), 0);
  const std::string report = supervisor().out();
  for (std::size_t i = 0; i < shm::kRegions; ++i) {
    EXPECT_THAT(report, HasSubstr(shm::region_name(static_cast<shm::Region>(i))));
  }
  std::smatch total;
  ASSERT_TRUE(std::regex_search(report, total, std::regex("\ntotal +([0-9]+) "))) << report;
  EXPECT_LE(std::stoull(total[1]), shm::kDefaultBudget);
  EXPECT_FALSE(fs::exists(segment_path()));
}

TEST_F(SupervisorTest, MissingWorkerProgramGivesUpAndLeavesNothing) {
  configure(std::string{"[worker]\nexecutable = \"/nowhere/mabeam-worker\"\n"} + kShortTemper);
  EXPECT_EQ(run(), 70);
  EXPECT_THAT(supervisor().err(),
              HasSubstr("cannot run /nowhere/mabeam-worker: No such file or directory"));
  EXPECT_FALSE(fs::exists(segment_path()));
}

TEST_F(SupervisorTest, WorkerThatExitsAtOnceGivesUpAndLeavesNothing) {
  const fs::path script = write_script("worker", "exit 0\n");
  configure("[runtime]\nworkers = 1\n[worker]\nexecutable = \"" + script.string() + "\"\n" +
            kShortTemper);
  EXPECT_EQ(run(), 70);
  EXPECT_EQ(count_in_log(R"("message":"worker died")"), 4U);
  EXPECT_FALSE(fs::exists(segment_path()));
}

TEST_F(SupervisorTest, WorkerThatSaysThatAnotherTryWouldEndAlikeIsNotTriedAgain) {
  for (const auto& [code, expected] : {std::pair{78, 78}, std::pair{77, 77}, std::pair{64, 70}}) {
    const fs::path script = write_script("worker", "exit " + std::to_string(code) + "\n");
    configure("[runtime]\nworkers = 1\n[worker]\nexecutable = \"" + script.string() + "\"\n");
    EXPECT_EQ(run(), expected);
    EXPECT_EQ(count_in_log(R"("message":"worker died")"), 1U);
  }
}

TEST_F(SupervisorTest, WorkerThatIsNotReadyInTimeIsKilled) {
  const fs::path script = write_script("worker", "trap '' ABRT\nsleep 60 & wait\n");
  configure(
      "[runtime]\nworkers = 1\n[restart]\nintensity = 0\n[worker]\nready_timeout = \"500ms\"\n"
      "executable = \"" +
      script.string() + "\"\n");
  EXPECT_EQ(run(), 70);
  EXPECT_THAT(supervisor().err(), HasSubstr("\"cause\":\"not_ready (SIGKILL)\""));
}

TEST_F(SupervisorTest, UnfinishedSegmentOfAKilledSupervisorIsReplaced) {
  const std::string unfinished = segment_path().string() + ".new";
  std::ofstream(unfinished) << "half a segment";
  configure(kTwoToSupervise);
  start_ready();
  EXPECT_FALSE(fs::exists(unfinished));
}

TEST_F(SupervisorTest, SegmentMarkedAsRemovedIsReplaced) {
  {
    auto segment = shm::Segment::create(name(), small_dimensions());
    ASSERT_TRUE(segment);
    segment->header().state.store(static_cast<std::uint32_t>(RuntimeState::removed));
  }
  configure(kTwoToSupervise);
  EXPECT_THAT(start_ready().err(), HasSubstr("segment created"));
}

TEST_F(SupervisorTest, DamagedSegmentIsRefusedAndDiscardedOnRequest) {
  std::ofstream(segment_path()) << std::string(8192, 'x');
  fs::permissions(segment_path(), fs::perms::owner_read | fs::perms::owner_write);
  configure(kTwoToSupervise);
  EXPECT_EQ(run(), 65);
  EXPECT_THAT(supervisor().err(), HasSubstr("--discard"));
  EXPECT_THAT(start_ready({"--discard"}).err(), HasSubstr("segment created"));
}

TEST_F(SupervisorTest, SegmentOfAnotherBuildIsRefused) {
  {
    auto segment = shm::Segment::create(name(), small_dimensions());
    ASSERT_TRUE(segment);
    segment->header().layout_hash ^= 1U;
  }
  EXPECT_EQ(run(), 76);
  fs::remove(segment_path());
}

/// The socket of a service manager: what it has been told, one after the other.
class ServiceManager {
 public:
  explicit ServiceManager(const fs::path& path)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{AF_UNIX, {}};
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval patience{.tv_sec = kPatience.count() / 1000, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }

  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  ~ServiceManager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(socket_);
  }

  /// The next that is no sign of life; those are counted.
  std::string hear() {
    for (;;) {
      char text[256] = {};
      const auto bytes = ::recv(socket_, text, sizeof text, 0);
      const std::string said(text, bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
      if (said != "WATCHDOG=1") return said;
      ++signs_;
    }
  }

  /// Hears signs of life only, so many.
  void hear_signs(int count) {
    for (int i = 0; i < count; ++i) {
      char text[256] = {};
      EXPECT_EQ(::recv(socket_, text, sizeof text, 0), 10) << text;
      EXPECT_STREQ(text, "WATCHDOG=1");
    }
  }

  [[nodiscard]] int signs() const { return signs_; }

 private:
  int socket_;
  int signs_ = 0;
};

TEST_F(SupervisorTest, NotifiesTheServiceManager) {
  ServiceManager manager{folder() / "notify"};
  configure(kTwoToSupervise);
  Program& supervisor = start_ready();
  EXPECT_THAT(manager.hear(), StartsWith("READY=1\nSTATUS=runtime " + name() + ": 2 workers, "));
  supervisor.signal(SIGHUP);
  EXPECT_THAT(manager.hear(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_THAT(manager.hear(), AllOf(StartsWith("READY=1\n"), Not(HasSubstr("faults"))));
  configure("[runtime]\nworkers = 0\n");
  supervisor.signal(SIGHUP);
  EXPECT_THAT(manager.hear(), StartsWith("RELOADING=1\n"));
  EXPECT_THAT(manager.hear(), EndsWith("; the configuration has faults, the old one is in force"));
  supervisor.signal(SIGTERM);
  EXPECT_EQ(manager.hear(), "STOPPING=1\nSTATUS=draining");
  EXPECT_EQ(manager.signs(), 0) << "nobody asked for signs of life";
}

TEST_F(SupervisorTest, GivesTheWatchdogSignsOfLife) {
  ::setenv("WATCHDOG_USEC", "40000", 1);
  configure(kTwoToSupervise);
  {
    ServiceManager manager{folder() / "notify"};
    Program& supervisor = start_ready();
    EXPECT_THAT(manager.hear(), StartsWith("READY=1\n"));
    manager.hear_signs(5);
    supervisor.signal(SIGTERM);
    EXPECT_EQ(supervisor.wait(), 0);
  }
  ServiceManager manager{folder() / "notify-2"};
  ::setenv("WATCHDOG_PID", "1", 1);
  start_ready();
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
  EXPECT_THAT(manager.hear(), StartsWith("READY=1\n"));
  supervisor().signal(SIGHUP);
  EXPECT_THAT(manager.hear(), StartsWith("RELOADING=1\n"));
  EXPECT_EQ(manager.signs(), 0) << "they are wanted of another process";
}

TEST_F(SupervisorTest, ReloadTakesWhatItCanAndNamesTheRest) {
  configure(kTwoToSupervise);
  Program& supervisor = start_ready();
  configure("[runtime]\nworkers = 2\nmax_agents = 100\n[worker]\nturn_messages = 7\n");
  supervisor.signal(SIGHUP);
  ASSERT_TRUE(wait_until(kPatience, [&] {
    return supervisor.err().find("keep their old values") != std::string::npos;
  }));
  EXPECT_THAT(supervisor.err(), HasSubstr(R"("changed":"worker.turn_messages")"));
  EXPECT_THAT(supervisor.err(), HasSubstr(R"("keys":"runtime.max_agents")"));
  const auto segment = shm::Segment::attach(name(), shm::Access::read_only);
  EXPECT_EQ(segment->header().tunables.turn_messages.load(), 7U);
}

TEST_F(SupervisorTest, ReloadOfAFaultyConfigurationChangesNothing) {
  configure("[runtime]\nworkers = 2\n[worker]\nturn_messages = 9\n");
  Program& supervisor = start_ready();
  configure("[worker]\nturn_messages = 0\n");
  supervisor.signal(SIGHUP);
  ASSERT_TRUE(wait_until(
      kPatience, [&] { return supervisor.err().find("stays in force") != std::string::npos; }));
  const auto segment = shm::Segment::attach(name(), shm::Access::read_only);
  EXPECT_EQ(segment->header().tunables.turn_messages.load(), 9U);
}

}  // namespace
}  // namespace mabeam::tests

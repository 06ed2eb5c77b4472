// What a tool orders of a supervisor: shutdown, restart, reload, scale, breakers.
#include "shm/breaker.hpp"
#include "shm/control.hpp"
#include "shm/segment.hpp"
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kTwoWorkers = "[runtime]\nworkers = 2\nshards = 4\n";

class OrdersTest : public RuntimeFixture {
 protected:
  void start_runtime(const std::string& more = {}) {
    configure(kTwoWorkers + more);
    start_ready();
  }

  [[nodiscard]] WorkerView worker(std::uint32_t index) const { return view()->workers.at(index); }

  [[nodiscard]] bool becomes(std::uint32_t index, WorkerState state) const {
    return wait_until(kPatience, [&] { return worker(index).state == state; });
  }

  /// Kills two incarnations of a worker.
  [[nodiscard]] bool kill_twice(std::uint32_t index) const {
    std::set<pid_t> killed;
    return wait_until(kPatience, [&] {
      const pid_t pid = ready_worker(index);
      if (pid != 0 && killed.insert(pid).second) ::kill(pid, SIGKILL);
      return killed.size() == 2;
    });
  }

  /// A counter on every shard, each at 1: whatever moves keeps its count.
  void make_counters() {
    Client client = Client::attach(name()).value();
    const auto made = client.create("counter", 4);
    ASSERT_TRUE(made);
    counters_.assign(made->begin(), made->end());
    for (const AgentId counter : counters_)
      ASSERT_TRUE(client.call(counter, "increment", std::int64_t{1}, seconds{5}));
  }

  void expect_counters() {
    Client client = Client::attach(name()).value();
    for (const AgentId counter : counters_) {
      const auto reply = client.call(counter, "get", {}, seconds{10});
      ASSERT_TRUE(reply) << describe(reply.error());
      EXPECT_EQ(reply->payload().as<std::int64_t>(), 1);
    }
  }

 private:
  std::vector<AgentId> counters_;
};

TEST_F(OrdersTest, WorkerThatHasEndedForGoodIsTriedAgainWhenOrdered) {
  const std::string module = (folder() / "module.so").string();
  std::filesystem::copy_file(MABEAM_MODULE_DIR "/ticker.so", module);
  start_runtime("[worker]\nmodules = [\"" + module + "\"]\n");
  std::filesystem::remove(module);
  std::ofstream{module} << "no module";
  const Ran failed = mabeam({"restart", "1"});
  EXPECT_EQ(failed.exit, 1);
  EXPECT_THAT(failed.err, HasSubstr("worker 1 has ended for good"));
  std::filesystem::remove(module);
  std::filesystem::copy_file(MABEAM_MODULE_DIR "/ticker.so", module);
  EXPECT_EQ(mabeam({"restart", "1"}).exit, 0);
  EXPECT_EQ(worker(1).state, WorkerState::ready);
}

TEST_F(OrdersTest, WorkerThatHasFailedOnTrialIsTriedAgainAsANewOne) {
  const std::string module = (folder() / "module.so").string();
  const auto put_module = [&](bool is_good) {
    std::filesystem::remove(module);
    if (is_good) std::filesystem::copy_file(MABEAM_MODULE_DIR "/ticker.so", module);
    if (!is_good) std::ofstream{module} << "no module";
  };
  put_module(true);
  start_runtime("[worker]\nmodules = [\"" + module +
                "\"]\n[breaker]\nfailure_threshold = 1\nrecovery_timeout = \"100ms\"\n");
  make_counters();
  put_module(false);
  ASSERT_EQ(::kill(ready_worker(1), SIGKILL), 0);
  ASSERT_TRUE(becomes(1, WorkerState::failed));
  put_module(true);
  EXPECT_EQ(mabeam({"restart", "1"}).exit, 0);
  EXPECT_EQ(worker(1).state, WorkerState::ready);
  EXPECT_TRUE(wait_until(kPatience, [&] { return worker(1).shards.size() == 2; }));
  ASSERT_EQ(::kill(ready_worker(1), SIGKILL), 0);
  EXPECT_TRUE(becomes(1, WorkerState::ready)) << "it is watched as any other";
  expect_counters();
}

TEST_F(OrdersTest, ShutdownReturnsWhenTheRuntimeIsGone) {
  start_runtime();
  const Ran ran = mabeam({"shutdown", "--json"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.json()["supervisor_pid"], supervisor().pid());
  EXPECT_EQ(supervisor().wait(milliseconds{1000}), 0);
  EXPECT_FALSE(std::filesystem::exists(segment_path()));
  EXPECT_TRUE(processes().empty());
  refuses({"shutdown"}, 69, "there is no runtime");
}

TEST_F(OrdersTest, WithoutASupervisorNothingIsOrdered) {
  start_runtime();
  supervisor().kill();
  for (const char* command : {"shutdown", "reload"})
    refuses({command}, 69, "has no supervisor to ask");
  start_ready();
  EXPECT_EQ(mabeam({"shutdown", "--now"}).exit, 0);
}

TEST_F(OrdersTest, RestartReplacesOneWorkerAndBlamesNobody) {
  start_runtime();
  make_counters();
  const pid_t old = ready_worker(0);
  const pid_t other = ready_worker(1);
  const Ran ran = mabeam({"restart", "0", "--json"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.json()["previous_pid"], old);
  EXPECT_NE(ran.json()["pid"], old);
  EXPECT_EQ(ready_worker(1), other);
  EXPECT_EQ(worker(0).last_exit->cause, ExitCause::asked);
  EXPECT_EQ(worker(0).restarts, 1U);
  expect_counters();
  refuses({"restart", "9"}, 1, "they are 0 to 1");
  refuses({"restart", "x"}, 64, "WORKER is a number");
}

TEST_F(OrdersTest, ReloadTellsThePlanAndDryRunChangesNothing) {
  start_runtime();
  configure(std::string{kTwoWorkers} + "clients = 3\n[worker]\nstall_timeout = \"2s\"\n");
  for (const bool is_dry : {true, false}) {
    const Ran ran = mabeam(is_dry ? std::vector<std::string>{"reload", "--dry-run", "--json"}
                                  : std::vector<std::string>{"reload", "--json"});
    ASSERT_EQ(ran.exit, 0) << ran.err;
    EXPECT_EQ(ran.json()["dry_run"], is_dry);
    EXPECT_THAT(ran.json()["in_place"], ElementsAre("worker.stall_timeout"));
    EXPECT_THAT(ran.json()["needs_restart"], ElementsAre("runtime.clients"));
  }
  EXPECT_THAT(mabeam({"reload", "--json"}).json()["in_place"], ElementsAre());
  configure("[worker]\nturn_messages = 0\n");
  const std::uint64_t digest = view()->reloads.config_digest;
  refuses({"reload"}, 78, "mabeam.toml:2:17: worker.turn_messages");
  EXPECT_EQ(view()->reloads.taken, 2U) << "a dry run is none";
  EXPECT_TRUE(view()->reloads.is_last_refused);
  EXPECT_EQ(view()->reloads.config_digest, digest);
  EXPECT_THAT(mabeam({"health"}).out, HasSubstr("the last one failed"));
}

TEST_F(OrdersTest, ReloadRestartsWorkersOneByOneForWhatTheyStartWith) {
  start_runtime();
  make_counters();
  const std::vector<pid_t> old{ready_worker(0), ready_worker(1)};
  configure(std::string{kTwoWorkers} + "[worker]\nnice = 3\n");
  EXPECT_THAT(mabeam({"reload", "--json"}).json()["rolling"], ElementsAre("worker.nice"));
  ASSERT_TRUE(wait_until(kPatience, [&] {
    return supervisor().err().find("workers have their new settings") != std::string::npos;
  }));
  for (std::uint32_t index = 0; index < 2; ++index) {
    EXPECT_NE(ready_worker(index), old[index]);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(ready_worker(index))), 3);
  }
  expect_counters();
}

TEST_F(OrdersTest, SettingsThatNoWorkerStartsWithAreTakenBack) {
  start_runtime();
  make_counters();
  const pid_t other = ready_worker(1);
  const std::uint64_t digest = view()->reloads.config_digest;
  configure(std::string{kTwoWorkers} + "[worker]\nmodules = [\"/nowhere/agents.so\"]\n");
  EXPECT_EQ(mabeam({"reload"}).exit, 0);
  ASSERT_TRUE(wait_until(kPatience, [&] {
    return supervisor().err().find("workers have their old settings again") != std::string::npos;
  }));
  EXPECT_TRUE(wait_workers_ready());
  EXPECT_EQ(ready_worker(1), other) << "it was never tried with them";
  EXPECT_THAT(mabeam({"reload", "--dry-run", "--json"}).json()["rolling"],
              ElementsAre("worker.modules"))
      << "the settings that came back are those in force";
  EXPECT_EQ(view()->reloads.config_digest, digest);
  EXPECT_TRUE(view()->reloads.is_last_refused);
  expect_counters();
}

TEST_F(OrdersTest, ScaleRunsMoreWorkersAndFewer) {
  start_runtime();
  make_counters();
  ASSERT_EQ(mabeam({"scale", "--workers", "4"}).exit, 0);
  for (std::uint32_t index = 0; index < 4; ++index)
    EXPECT_EQ(worker(index).shards.size(), 1U);
  expect_counters();
  ASSERT_EQ(mabeam({"scale", "--workers", "1"}).exit, 0);
  EXPECT_EQ(worker(0).shards.size(), 4U);
  for (std::uint32_t index = 1; index < 4; ++index) {
    EXPECT_EQ(worker(index).state, WorkerState::stopped);
    EXPECT_EQ(worker(index).last_exit->cause, ExitCause::asked);
  }
  expect_counters();
  ASSERT_EQ(mabeam({"scale", "--workers", "2"}).exit, 0);
  EXPECT_TRUE(becomes(1, WorkerState::ready));
  expect_counters();
  EXPECT_EQ(mabeam({"health"}).exit, 0);
  refuses({"scale", "--workers", "0"}, 64, "from 1 to 128");
}

// Its shards run on the others as soon as that is seen, not after shutdown_timeout.
TEST_F(OrdersTest, WorkerThatHangsWhenItShallLeaveIsKilledAsOneThatHangs) {
  start_runtime("[worker]\nheartbeat_timeout = \"300ms\"\nshutdown_timeout = \"60s\"\n");
  make_counters();
  ASSERT_EQ(::kill(ready_worker(1), SIGSTOP), 0);
  ASSERT_EQ(mabeam({"scale", "--workers", "1", "--timeout", "20s"}).exit, 0);
  EXPECT_EQ(worker(0).shards.size(), 4U);
  ASSERT_TRUE(becomes(1, WorkerState::stopped));
  EXPECT_EQ(worker(1).last_exit->cause, ExitCause::hang);
  expect_counters();
}

TEST_F(OrdersTest, ReloadScalesToAnotherNumberOfWorkers) {
  start_runtime();
  configure("[runtime]\nworkers = 3\nshards = 4\n");
  EXPECT_THAT(mabeam({"reload", "--json"}).json()["in_place"], ElementsAre("runtime.workers"));
  ASSERT_TRUE(wait_until(kPatience, [&] { return view()->workers.size() == 3; }));
  EXPECT_TRUE(becomes(2, WorkerState::ready));
}

TEST_F(OrdersTest, ToolThatIsKilledMidwayHoldsNobodyUp) {
  start_runtime();
  supervisor().signal(SIGSTOP);
  Program(program("mabeam"), {"--name", name(), "restart", "0"}, folder()).kill();
  refuses({"restart", "1", "--timeout", "100ms"}, 124, "does not answer");
  const pid_t other = ready_worker(1);
  supervisor().signal(SIGCONT);
  EXPECT_EQ(mabeam({"reload"}).exit, 0);
  EXPECT_EQ(ready_worker(1), other) << "its asker had no more patience";
  ASSERT_EQ(mabeam({"restart", "1"}).exit, 0);
  EXPECT_NE(ready_worker(1), other);
}

// It cannot attach; were it to ask all the same, the kernel would tell who it is.
TEST_F(OrdersTest, AnotherUserIsNotHeard) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  start_runtime();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto segment = shm::Segment::attach(name(), shm::Access::read_write);
    if (!segment || ::setresuid(65'534, 65'534, 65'534) != 0) ::_exit(2);
    const auto answer =
        shm::ask_supervisor(*segment, shm::ControlCommand::shutdown, 0, {}, milliseconds{200});
    ::_exit(!answer && answer.error().code == Errc::timed_out ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(is_running());
}

TEST_F(OrdersTest, BreakerThatIsHeldOpenMovesTheShardsUntilItIsLetGo) {
  start_runtime("[breaker]\nrecovery_timeout = \"200ms\"\n");
  make_counters();
  ASSERT_EQ(mabeam({"breakers", "open", "worker:0"}).exit, 0);
  ASSERT_TRUE(becomes(0, WorkerState::open));
  ASSERT_TRUE(wait_until(kPatience, [&] { return worker(1).shards.size() == 4; }));
  expect_counters();
  EXPECT_EQ(mabeam({"ps", "--json"}).json()["workers"][0]["breaker"], "open");
  refuses({"breakers", "open", "worker:1"}, 1, "more than half");
  refuses({"restart", "0"}, 1, "breakers close worker:0");
  refuses({"breakers", "open", "worker:7"}, 1, "there is no worker 7");
  refuses({"breakers", "ajar", "worker:0"}, 64, "open, close or auto");
  refuses({"scale", "--workers", "1"}, 75, "none of the workers that would be left");
  ASSERT_EQ(mabeam({"breakers", "auto", "worker:0"}).exit, 0);
  ASSERT_TRUE(becomes(0, WorkerState::ready));
  EXPECT_TRUE(wait_until(kPatience, [&] { return worker(0).shards.size() == 2; }));
  expect_counters();
  EXPECT_THAT(supervisor().err(), HasSubstr("worker is tried again"));
  EXPECT_EQ(mabeam({"breakers", "--json"}).json()["breakers"][0]["state"], "closed");
}

constexpr const char* kTwoFailures =
    "half_open_max_calls = 2\nfailure_threshold = 2\n"
    "[restart]\nbackoff_min = \"0s\"\nbackoff_max = \"0s\"\n";

TEST_F(OrdersTest, ShardsOfAWorkerThatFailsTooOftenRunOnTheOthers) {
  start_runtime(std::string{"[breaker]\nrecovery_timeout = \"60s\"\n"} + kTwoFailures);
  make_counters();
  ASSERT_TRUE(kill_twice(0));
  ASSERT_TRUE(becomes(0, WorkerState::open));
  EXPECT_FALSE(worker(0).pid);
  EXPECT_EQ(worker(0).breaker, "open");
  expect_counters();
  EXPECT_EQ(mabeam({"health", "--json"}).json()["status"], "degraded");
  EXPECT_GT(mabeam({"breakers", "--json"}).json()["breakers"][0]["retry_after_seconds"], 40);
  ASSERT_TRUE(kill_twice(1));
  EXPECT_TRUE(becomes(1, WorkerState::ready)) << "never on more than half of the workers";
  expect_counters();
}

TEST_F(OrdersTest, WorkerThatFailedTooOftenIsTriedWithOneShard) {
  start_runtime(std::string{"[breaker]\nrecovery_timeout = \"500ms\"\n"} + kTwoFailures);
  make_counters();
  ASSERT_TRUE(kill_twice(0));
  ASSERT_TRUE(becomes(0, WorkerState::half_open));
  ASSERT_TRUE(wait_until(kPatience, [&] {
    return worker(0).state != WorkerState::half_open || worker(0).shards.size() == 1;
  }));
  ASSERT_TRUE(becomes(0, WorkerState::ready)) << "no message came, and it has lived";
  EXPECT_TRUE(wait_until(kPatience, [&] { return worker(0).shards.size() == 2; }));
  expect_counters();
}

// Agents make them by Context::breaker().
TEST_F(OrdersTest, NamedBreakersAreListedAndSetToo) {
  start_runtime();
  const auto segment = shm::Segment::attach(name(), shm::Access::read_write);
  ASSERT_TRUE(segment);
  const auto slot =
      shm::find_breaker(segment->named_breakers(), segment->symbols().intern("db").value());
  ASSERT_TRUE(slot);
  EXPECT_EQ(mabeam({"breakers", "--json"}).json()["breakers"][2]["name"], "db");
  EXPECT_EQ(mabeam({"breakers", "open", "db", "--json"}).json()["state"], "open");
  EXPECT_EQ(shm::Breaker{**slot}.word().mode, shm::BreakerMode::forced_open);
  EXPECT_EQ(mabeam({"breakers", "auto", "db"}).exit, 0);
  EXPECT_EQ(shm::Breaker{**slot}.word().mode, shm::BreakerMode::automatic);
  refuses({"breakers", "open", "cache"}, 1, "breaker 'cache'");
}

TEST_F(OrdersTest, OpenBreakerOutlivesItsSupervisor) {
  start_runtime();
  make_counters();
  ASSERT_EQ(mabeam({"breakers", "open", "worker:0"}).exit, 0);
  ASSERT_TRUE(becomes(0, WorkerState::open));
  const pid_t other = ready_worker(1);
  supervisor().kill();
  start_ready();
  EXPECT_EQ(worker(0).state, WorkerState::open);
  EXPECT_EQ(ready_worker(1), other);
  expect_counters();
  ASSERT_EQ(mabeam({"breakers", "close", "worker:0"}).exit, 0);
  EXPECT_TRUE(becomes(0, WorkerState::ready));
  EXPECT_TRUE(wait_until(kPatience, [&] { return worker(0).shards.size() == 2; }));
}

}  // namespace
}  // namespace mabeam::tests

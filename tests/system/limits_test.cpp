// Limits: of memory, processes and the rest, by the means that this machine has, and by resource
// limits, which every machine has.
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr std::uint64_t kMebibyte = 1U << 20U;

std::string text_of(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class LimitsTest : public RuntimeFixture {
 protected:
  /// Two workers, and an agent `fault` and one `counter` on each.
  void begin(const std::string& limits) {
    write(limits);
    start_ready();
    ASSERT_TRUE(wait_workers_ready());
    client_.emplace(Client::attach(name()).value());
    for (const char* type : {"fault", "counter"}) {
      for (int i = 0; i < 8; ++i)
        make(type);
    }
    for (std::uint32_t worker : {0U, 1U}) {
      ASSERT_TRUE(fault_[worker] && counter_[worker]);
      before_[worker] = ready_worker(worker);
    }
  }

  void write(const std::string& limits) {
    configure(
        "[runtime]\nworkers = 2\nfault_agents = true\n[restart]\nbackoff_min = \"0s\"\n[limits]\n" +
        limits);
  }

  void reload(const std::string& limits) {
    write(limits);
    supervisor().signal(SIGHUP);
  }

  [[nodiscard]] Result<ClientReply> fault(std::uint32_t worker, const char* action,
                                          std::uint64_t number) {
    return client_->call(fault_[worker], action, number, seconds{20});
  }

  void leak_in_steps(std::uint32_t worker, std::uint64_t mib) {
    for (std::uint64_t leaked = 0; leaked < mib; leaked += 4)
      ASSERT_TRUE(fault(worker, "leak", 4 * kMebibyte));
  }

  [[nodiscard]] Result<std::int64_t> count(std::uint32_t worker) {
    const auto reply = client_->call(counter_[worker], "increment", {}, seconds{20});
    if (!reply) return fail(reply.error());
    return reply->payload().as<std::int64_t>();
  }

  /// The worker has ended for that cause, and is at work again; the other has not been touched.
  void expect_ended(std::uint32_t worker, ExitCause cause) {
    ASSERT_TRUE(wait_until(kPatience, [&] {
      const WorkerView seen = view()->workers[worker];
      return seen.last_exit && ready_worker(worker) != 0 && ready_worker(worker) != before_[worker];
    })) << supervisor().err();
    EXPECT_EQ(view()->workers[worker].last_exit->cause, cause) << supervisor().err();
    EXPECT_TRUE(count(worker));
    EXPECT_TRUE(count(1 - worker));
    EXPECT_EQ(ready_worker(1 - worker), before_[1 - worker]);
  }

  [[nodiscard]] LimitsView limits() const { return Observer::attach(name()).value().limits(); }

  [[nodiscard]] bool has_state(std::uint32_t worker, WorkerState state) const {
    return wait_until(kPatience, [&] { return view()->workers[worker].state == state; });
  }

  /// Events of that topic come, so many.
  void expect_told(const std::string& topic, int count) {
    EXPECT_TRUE(wait_until(kPatience,
                           [&] {
                             (void)client_->poll_events(
                                 [&](const EventView& event) { ++told_[std::string{event.topic}]; },
                                 64, seconds{0});
                             return told_[topic] == count;
                           }))
        << topic << " " << told_[topic];
  }

  std::map<std::string, int> told_;
  std::optional<Client> client_;
  AgentId fault_[2];
  AgentId counter_[2];
  pid_t before_[2]{};

 private:
  void make(const std::string& type) {
    const AgentId id = client_->create(type, 1, {}, seconds{20}).value().at(0);
    const auto worker = Observer::attach(name()).value().agent(id)->worker.value();
    (type == "fault" ? fault_ : counter_)[worker] = id;
  }
};

#define SKIP_MEMORY_UNDER_SANITIZERS() \
  if (kSanitizer) GTEST_SKIP() << "what a sanitizer needs is over any limit"

TEST_F(LimitsTest, LeakOfAGibibyteEndsItsWorkerAlone) {
  SKIP_MEMORY_UNDER_SANITIZERS();
  begin("worker_memory = \"64MiB\"\n");
  if (limits().memory_mechanism == LimitMechanism::rlimit) {
    GTEST_SKIP() << "no control group limits memory here; see the next test";
  }
  ASSERT_TRUE(client_->send(fault_[0], "leak", std::uint64_t{1024 * kMebibyte}));
  // It is taken again, until it has killed three workers, and is a dead letter then.
  ASSERT_TRUE(wait_until(kPatience, [&] {
    return Observer::attach(name()).value().dead_letters().buried == 1;
  })) << supervisor().err();
  expect_ended(0, ExitCause::memory);
  EXPECT_EQ(view()->workers[0].restarts, 3U);
  EXPECT_EQ(view()->workers[0].memory_limit_bytes, 64 * kMebibyte);
}

TEST_F(LimitsTest, WithoutGroupsWhatGrowsIsKilledAndWhatIsHugeIsRefused) {
  SKIP_MEMORY_UNDER_SANITIZERS();
  begin("worker_memory = \"64MiB\"\nmechanism = \"rlimit\"\n");
  EXPECT_EQ(limits().memory_mechanism, LimitMechanism::rlimit);
  const auto huge = fault(0, "leak", 1024 * kMebibyte);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, Errc::handler_failed);
  EXPECT_EQ(ready_worker(0), before_[0]);
  leak_in_steps(0, 68);
  expect_ended(0, ExitCause::memory);
}

TEST_F(LimitsTest, WorkerOverItsSoftLimitTakesNoNewAgentsUntilItIsUnderItAgain) {
  SKIP_MEMORY_UNDER_SANITIZERS();
  begin("worker_memory = \"64MiB\"\nworker_memory_soft = \"32MiB\"\n");
  ASSERT_TRUE(client_->subscribe("worker.>"));
  leak_in_steps(0, 36);
  leak_in_steps(1, 36);
  ASSERT_TRUE(has_state(0, WorkerState::degraded) && has_state(1, WorkerState::degraded));
  EXPECT_TRUE(limits().workers[0].is_closed);
  const auto refused = client_->create("counter", 1, {}, seconds{20});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::over_limit);
  EXPECT_TRUE(count(0)) << "what there is goes on";
  const HealthView health = Observer::attach(name()).value().health();
  EXPECT_EQ(health.status, HealthView::Status::degraded);
  EXPECT_THAT(supervisor().err(), HasSubstr("takes no new agents"));
  expect_told("worker.degraded", 2);
  reload("worker_memory = \"256MiB\"\n");
  ASSERT_TRUE(has_state(0, WorkerState::ready) && has_state(1, WorkerState::ready));
  EXPECT_TRUE(client_->create("counter", 1, {}, seconds{20}));
  EXPECT_EQ(ready_worker(0), before_[0]);
  expect_told("worker.recovered", 2);
}

TEST_F(LimitsTest, RuntimeOverItsMemoryEndsTheLargestWorker) {
  SKIP_MEMORY_UNDER_SANITIZERS();
  begin("runtime_memory = \"64MiB\"\n");
  leak_in_steps(0, 40);
  leak_in_steps(1, 28);
  expect_ended(0, ExitCause::memory);
  EXPECT_THAT(supervisor().err(), HasSubstr("limits.runtime_memory"));
}

TEST_F(LimitsTest, AdoptedWorkerKeepsItsGroupAndItsLimit) {
  SKIP_MEMORY_UNDER_SANITIZERS();
  begin("worker_memory = \"64MiB\"\n");
  if (limits().memory_mechanism == LimitMechanism::rlimit) GTEST_SKIP() << "no control groups here";
  const std::string groups = text_of("/proc/" + std::to_string(before_[0]) + "/cgroup");
  EXPECT_THAT(groups, HasSubstr("/mabeam-" + name() + "/worker-0"));
  supervisor().kill();
  start_ready();
  ASSERT_TRUE(wait_workers_ready());
  EXPECT_EQ(ready_worker(0), before_[0]);
  EXPECT_EQ(text_of("/proc/" + std::to_string(before_[0]) + "/cgroup"), groups);
  ASSERT_TRUE(client_->send(fault_[0], "leak", std::uint64_t{1024 * kMebibyte}));
  expect_ended(0, ExitCause::memory);
}

TEST_F(LimitsTest, ForkBombEndsItsWorkerAlone) {
  begin("worker_processes = 16\n");
  if (limits().process_mechanism == LimitMechanism::none ||
      limits().process_mechanism == LimitMechanism::rlimit) {
    GTEST_SKIP() << "no control group limits processes here";
  }
  const auto bomb = fault(0, "fork", 1000);
  ASSERT_FALSE(bomb) << "more than 16";
  expect_ended(0, ExitCause::limit);
  EXPECT_TRUE(wait_until(kPatience, [this] { return processes().size() == 3; }))
      << "two workers and the supervisor";
}

TEST_F(LimitsTest, GroupsGoWithTheRuntime) {
  begin("");
  if (groups().empty()) GTEST_SKIP() << "no control groups here";
  supervisor().signal(SIGTERM);
  ASSERT_EQ(supervisor().wait(), 0);
  EXPECT_TRUE(groups().empty()) << groups().front();
}

// It has left the worker's session, so that nothing but our being a subreaper finds it.
TEST_F(LimitsTest, WhatAWorkerLeavesBehindDiesWithIt) {
  const std::string worker = program("mabeam-worker").string();
  const auto script = write_script(
      "worker", "(setsid sh -c 'sleep 600; :' --name \"$2\" &)\nexec " + worker + " \"$@\"\n");
  configure("[runtime]\nworkers = 1\n[worker]\nexecutable = \"" + script.string() +
            "\"\n[limits]\nmechanism = \"rlimit\"\n");
  start_ready();
  supervisor().signal(SIGTERM);
  EXPECT_EQ(supervisor().wait(), 0);
  EXPECT_TRUE(wait_until(kPatience, [this] { return processes().empty(); }));
}

TEST_F(LimitsTest, WorkersAreConfined) {
  configure("[runtime]\nworkers = 1\n[limits]\nopen_files = 321\ncore_bytes = 0\n");
  start_ready();
  const std::string process = "/proc/" + std::to_string(ready_worker(0));
  EXPECT_THAT(text_of(process + "/status"), HasSubstr("NoNewPrivs:\t1"));
  const std::string limits_text = text_of(process + "/limits");
  EXPECT_THAT(limits_text, ::testing::ContainsRegex("Max open files +321 "));
  EXPECT_THAT(limits_text, ::testing::ContainsRegex("Max core file size +0 "));
  configure("[runtime]\nworkers = 1\n[limits]\nopen_files = 432\ncore_bytes = 0\n");
  supervisor().signal(SIGHUP);
  EXPECT_TRUE(wait_until(kPatience, [&] {
    return text_of(process + "/limits").find(" 432 ") != std::string::npos;
  })) << "changed while it runs";
}

TEST_F(LimitsTest, RateIsRefusedWithATimeAndChangedByAReload) {
  const std::string head = "[runtime]\nworkers = 1\n[rates]\n";
  configure(head + "action_execution = {rate = 1, burst = 1}\n");
  start_ready();
  Client client = Client::attach(name()).value();
  const AgentId counter = client.create("counter", 1, {}, seconds{20}).value().at(0);
  const auto call = [&] { return client.call(counter, "get", {}, seconds{20}); };
  EXPECT_TRUE(call());
  EXPECT_TRUE(call());
  const auto refused = call();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::rate_limited);
  EXPECT_GT(refused.error().subject, 0) << "milliseconds";
  EXPECT_THAT(describe(refused.error()), HasSubstr("try again in"));
  configure(head + "action_execution = {rate = 0}\n");
  supervisor().signal(SIGHUP);
  EXPECT_TRUE(wait_until(kPatience, [&] { return limits().rates[1].rate == 0; }));
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(call());
  EXPECT_GE(limits().rates[1].refused, 1U);
}

TEST_F(LimitsTest, EachClientAndEachTypeHasItsRate) {
  const std::string head = "[runtime]\nworkers = 2\n[rates]\n";
  configure(head + "client_action_execution = {rate = 1, burst = 1}\n");
  start_ready();
  Client one = Client::attach(name()).value();
  Client other = Client::attach(name()).value();
  const AgentId counter = one.create("counter", 1, {}, seconds{20}).value().at(0);
  const AgentId echo = one.create("echo", 1, {}, seconds{20}).value().at(0);
  const auto call = [](Client& client, AgentId agent) {
    const auto answer = client.call(agent, "get", {}, seconds{20});
    return answer ? Errc{} : answer.error().code;
  };
  for (Client* client : {&one, &other}) {
    EXPECT_EQ(call(*client, counter), Errc{});
    EXPECT_EQ(call(*client, echo), Errc{});
    EXPECT_EQ(call(*client, counter), Errc::rate_limited) << "each has two of its own";
  }
  configure(head + "type_action_execution = {rate = 1, burst = 1}\n");
  supervisor().signal(SIGHUP);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(wait_until(kPatience, [&] { return call(one, counter) == Errc{}; }));
  const std::chrono::duration<double, std::milli> reload = std::chrono::steady_clock::now() - begin;
  std::printf("[ rate changed after %.1f ms ]\n", reload.count());
  EXPECT_EQ(call(other, counter), Errc{});
  EXPECT_EQ(call(other, counter), Errc::rate_limited) << "the type's two are gone";
  EXPECT_EQ(call(other, echo), Errc{}) << "another type's are not";
  const Ran shown = mabeam({"limits", "--json"});
  EXPECT_THAT(shown.out, HasSubstr(R"("type":"counter")"));
}

/// Whichever supervisor of this user looks first; another test's may be it, and then tells of it.
TEST_F(LimitsTest, HalfBuiltSegmentsOfTheDeadAreClearedAway) {
  configure("[runtime]\nworkers = 1\n[limits]\ncleanup_interval = \"10ms\"\n");
  start_ready();
  const std::filesystem::path stale = segment_path().string() + "b.new";
  std::ofstream{stale} << "half";
  const timespec hours_ago{::time(nullptr) - 7200, 0};
  const std::array times{hours_ago, hours_ago};
  ASSERT_EQ(::utimensat(AT_FDCWD, stale.c_str(), times.data(), 0), 0);
  EXPECT_TRUE(wait_until(kPatience, [&] { return !std::filesystem::exists(stale); }));
}

}  // namespace
}  // namespace mabeam::tests

// What becomes of a worker that ends by itself, and of the others: exit codes, restart.strategy.
#include "tests/support/call_stream.hpp"
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using ::testing::HasSubstr;

class StrategyTest : public RuntimeFixture {
 protected:
  void start_runtime(const std::string& restart) {
    configure("[runtime]\nworkers = 3\nshards = 6\n[breaker]\nfailure_threshold = 2\n[restart]\n" +
              restart);
    start_ready();
    ASSERT_TRUE(wait_workers_ready());
  }

  [[nodiscard]] std::vector<pid_t> workers() const {
    return {ready_worker(0), ready_worker(1), ready_worker(2)};
  }

  /// Kills a worker and waits until those that go with it have been restarted, too: nobody is asked
  /// about twice.
  void kill_one(std::uint32_t index, const std::vector<std::uint32_t>& restarted) {
    const std::vector<pid_t> before = workers();
    ASSERT_EQ(::kill(before[index], SIGKILL), 0);
    std::vector<pid_t> ended;
    for (const std::uint32_t each : restarted)
      ended.push_back(before[each]);
    ASSERT_TRUE(wait_workers_ready(ended));
    const std::vector<pid_t> after = workers();
    for (std::uint32_t each = 0; each < 3; ++each) {
      const bool is_other = std::find(restarted.begin(), restarted.end(), each) == restarted.end();
      EXPECT_EQ(after[each] == before[each], is_other) << "worker " << each;
    }
  }

  void expect_exits(const std::vector<ExitCause>& causes) const {
    const auto seen = view();
    for (std::uint32_t each = 0; each < causes.size(); ++each) {
      const auto& exit = seen->workers[each].last_exit;
      EXPECT_EQ(exit ? exit->cause : ExitCause::none, causes[each]) << "worker " << each;
      EXPECT_EQ(seen->workers[each].restarts, exit ? 1U : 0U) << "worker " << each;
      EXPECT_EQ(seen->workers[each].breaker, "closed") << "worker " << each;
    }
  }
};

TEST_F(StrategyTest, OneForAllRestartsEverybodyWithOneThatFails) {
  start_runtime("strategy = \"one_for_all\"\n");
  CallStream stream{name(), 6};
  ASSERT_TRUE(stream.wait_for(50));
  kill_one(1, {0, 1, 2});
  expect_exits({ExitCause::asked, ExitCause::signal, ExitCause::asked});
  EXPECT_THAT(supervisor().err(), HasSubstr(R"("strategy":"one_for_all","worker":1,)"
                                            R"("cause":"signal SIGKILL","others":"0, 2")"));
  ASSERT_EQ(mabeam({"restart", "1"}).exit, 0);
  EXPECT_EQ(view()->workers[0].restarts, 1U) << "nobody goes with one that was asked to";
  kill_one(0, {0, 1, 2});
  const auto runtime = view();
  for (const WorkerView& worker : runtime->workers)
    EXPECT_EQ(worker.breaker, "closed") << "who goes with another has not failed";
  EXPECT_TRUE(stream.wait_for(50));
  stream.finish();
}

TEST_F(StrategyTest, RestForOneRestartsThoseBehindAfterAReload) {
  start_runtime("");
  CallStream stream{name(), 6};
  ASSERT_TRUE(stream.wait_for(50));
  kill_one(2, {2});
  configure(
      "[runtime]\nworkers = 3\nshards = 6\n[breaker]\nfailure_threshold = 2\n"
      "[restart]\nstrategy = \"rest_for_one\"\n");
  ASSERT_EQ(mabeam({"reload"}).exit, 0);
  kill_one(1, {1, 2});
  EXPECT_EQ(view()->workers[0].restarts, 0U);
  EXPECT_TRUE(stream.wait_for(50));
  stream.finish();
}

TEST_F(StrategyTest, WhoDoesNotLeaveInTimeWithTheOthersIsKilled) {
  start_runtime("strategy = \"one_for_all\"\n[worker]\nshutdown_timeout = \"100ms\"\n");
  const pid_t stopped = ready_worker(2);
  ASSERT_EQ(::kill(stopped, SIGSTOP), 0);
  kill_one(1, {0, 1, 2});
  expect_exits({ExitCause::asked, ExitCause::signal, ExitCause::asked});
}

/// A worker that exits with a code at first, and is a worker from the third time on.
std::string fickle_worker(const std::string& folder, int code, const std::string& worker) {
  const std::string count = folder + "/starts-$4";
  return "echo >> " + count + "\n[ $(wc -l < " + count + ") -lt 3 ] && exit " +
         std::to_string(code) + "\nexec " + worker + " \"$@\"\n";
}

TEST_F(StrategyTest, ExitThatSaysTryAgainIsNoFailure) {
  const auto script = write_script(
      "worker", fickle_worker(folder().string(), 75, program("mabeam-worker").string()));
  configure("[runtime]\nworkers = 2\n[breaker]\nfailure_threshold = 1\n[worker]\nexecutable = \"" +
            script.string() +
            "\"\n[restart]\nintensity = 0\nstrategy = \"one_for_all\"\nbackoff_min = \"20ms\"\n");
  start_ready();
  ASSERT_TRUE(wait_workers_ready());
  const auto runtime = view();
  for (const WorkerView& worker : runtime->workers) {
    EXPECT_EQ(worker.restarts, 2U);
    EXPECT_EQ(worker.breaker, "closed");
    EXPECT_EQ(worker.last_exit->code, 75);
  }
  EXPECT_THAT(supervisor().err(), HasSubstr("worker waits for its restart"));
}

// The message goes on ending its worker, until it is given up: that does count, for the message.
TEST_F(StrategyTest, ExitThatAsksForARestartGetsItAtOnceWithoutBlame) {
  configure(
      "[runtime]\nworkers = 2\nfault_agents = true\n[breaker]\nfailure_threshold = 1\n"
      "[restart]\nstrategy = \"one_for_all\"\nbackoff_min = \"60s\"\nbackoff_max = \"60s\"\n");
  start_ready();
  Client client = Client::attach(name()).value();
  const auto fault = client.create("fault");
  ASSERT_TRUE(fault);
  ASSERT_TRUE(client.send(fault->front(), "exit", std::uint64_t{99}));
  const auto restarts = [this] {
    const auto seen = view();
    return seen->workers[0].restarts + seen->workers[1].restarts;
  };
  ASSERT_TRUE(wait_until(kPatience, [&] { return restarts() == 3; }));
  EXPECT_TRUE(wait_workers_ready());
  const auto runtime = view();
  for (const WorkerView& worker : runtime->workers)
    EXPECT_EQ(worker.breaker, "closed");
  EXPECT_EQ(mabeam({"deadletters", "--json"}).json()["deadletters"][0]["reason"], "poison");
}

}  // namespace
}  // namespace mabeam::tests

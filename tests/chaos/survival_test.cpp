// What survives: clients send numbered increments to named counters, and numbers down chains of
// agents over several workers, while workers are killed with SIGKILL, and while shards move, since
// workers come and go and breakers open. In the end every counter and every link of every chain has
// taken each number once and in order.
//
//   mabeam_chaos_tests --gtest_filter='*RandomKills*' --kills 10000 --seed 7
//   MABEAM_STRESS_SECONDS=600 MABEAM_STRESS_SEED=7 mabeam_chaos_tests
#include "shm/breaker.hpp"
#include "shm/control.hpp"
#include "tests/chaos/kills.hpp"
#include "tests/chaos/load.hpp"
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/sanitizers.hpp"
#include "tests/support/stress.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class SurvivalTest : public RuntimeFixture {
 protected:
  /// A kill is not the fault of the message that it hits, however often it hits the same one.
  /// `breaker`: by default no worker is ever left alone.
  void start_runtime(const std::string& breaker = "failure_threshold = 65535\n") {
    configure("[breaker]\n" + breaker +
              "[runtime]\nworkers = 3\nshards = 6\n"
              "[worker]\nmax_attempts = 100\nmodules = [\"" MABEAM_MODULE_DIR
              "/relay.so\"]\n"
              "[restart]\nintensity = 10000\nperiod = \"1s\"\nbackoff_min = \"0s\"\nbackoff_max = "
              "\"0s\"\n");
    start_ready();
  }

  using Senders = std::vector<std::unique_ptr<Sender>>;

  [[nodiscard]] Senders start_senders() const {
    Senders senders;
    for (const char* prefix : {"x", "y"})
      senders.push_back(std::make_unique<Sender>(name(), prefix));
    for (const auto& sender : senders)
      sender->start();
    return senders;
  }

  static Tally stop_and_count(const Senders& senders) {
    for (const auto& sender : senders)
      EXPECT_EQ(sender->stop(), "");
    Tally tally;
    for (const auto& sender : senders)
      sender->count(tally);
    return tally;
  }

  void expect_all_well(const Senders& senders) const {
    for (const auto& sender : senders)
      EXPECT_GT(sender->done(), 100) << "nothing was at stake";
    const auto damage = Observer::attach(name())->verify().damage;
    EXPECT_TRUE(damage.empty()) << damage[0].where << ": " << damage[0].what;
    EXPECT_EQ(Observer::attach(name())->stats().messages.dead_lettered, 0U);
  }

  Client attach() { return Client::attach(name(), {.attach_timeout = seconds{20}}).value(); }

  /// Kills one random worker that was not killed before. True if there was one.
  bool kill_a_worker(std::mt19937_64& random) {
    const auto observer = Observer::attach(name());
    if (!observer) return false;
    const auto workers = observer->runtime().workers;
    const std::size_t chosen = random() % workers.size();
    const auto pid = static_cast<pid_t>(workers[chosen].pid.value_or(0));
    if (pid <= 0 || pid == killed_[chosen] || ::kill(pid, SIGKILL) != 0) return false;
    killed_[chosen] = pid;
    return true;
  }

  std::map<std::size_t, pid_t> killed_;  // by worker: the last one
};

TEST_F(SurvivalTest, EveryNumberCountsOnceThroughRandomKills) {
  const StressTime time;
  start_runtime();
  const Senders senders = start_senders();
  std::mt19937_64 random{kills().seed};
  std::uint64_t killed = 0;
  const auto patience = std::chrono::steady_clock::now() + seconds{60 + kills().count / 10};
  while ((killed < kills().count || !time.is_over()) &&
         (killed >= kills().count || std::chrono::steady_clock::now() < patience)) {
    killed += kill_a_worker(random) ? 1U : 0U;
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 10'000});  // where it is hit
  }
  EXPECT_GE(killed, kills().count) << "the workers did not come back fast enough";
  const Tally tally = stop_and_count(senders);
  std::printf("survival: seed %llu, kills %llu, %s\n",
              static_cast<unsigned long long>(kills().seed),
              static_cast<unsigned long long>(killed), tally.text().c_str());
  EXPECT_TRUE(tally.is_clean());
  expect_all_well(senders);
}

// Every few milliseconds: another number of workers, a breaker held open or let go, or a kill.
TEST_F(SurvivalTest, EveryNumberCountsOnceWhileShardsMove) {
  start_runtime("failure_threshold = 2\nrecovery_timeout = \"20ms\"\nhalf_open_max_calls = 5\n");
  const Senders senders = start_senders();
  std::mt19937_64 random{kills().seed};
  const auto segment = shm::Segment::attach(name(), shm::Access::read_write);
  ASSERT_TRUE(segment);
  const auto order = [&](shm::ControlCommand command, std::uint64_t number) {
    const auto answer = shm::ask_supervisor(*segment, command, number, {}, seconds{20});
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer && answer->verdict == shm::ControlVerdict::done;
  };
  std::uint64_t scaled = 0;
  std::uint64_t set = 0;
  std::uint64_t killed = 0;
  for (std::uint64_t step = 0; step < kills().count; ++step) {
    const std::uint64_t worker = random() % 4;
    switch (random() % 4) {
      case 0:
        scaled += order(shm::ControlCommand::scale, 1 + worker) ? 1U : 0U;
        break;
      case 1:
        set += order(shm::ControlCommand::breaker, worker | (random() % 2) << 32U) ? 1U : 0U;
        break;
      default:
        killed += kill_a_worker(random) ? 1U : 0U;
    }
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 10'000});
  }
  for (std::uint64_t worker = 0; worker < 4; ++worker)
    order(shm::ControlCommand::breaker, worker);
  const Tally tally = stop_and_count(senders);
  std::printf("moves: scaled %llu, breakers set %llu, kills %llu, %s\n",
              static_cast<unsigned long long>(scaled), static_cast<unsigned long long>(set),
              static_cast<unsigned long long>(killed), tally.text().c_str());
  EXPECT_TRUE(tally.is_clean());
  EXPECT_GT(scaled, kills().count / 10);
  expect_all_well(senders);
}

TEST_F(SurvivalTest, ReadersMayBeKilledAnyTime) {
  start_runtime();
  Client client = attach();
  const auto counter =
      client.create("counter", 1, {.subscribe = std::array<std::string_view, 1>{"t.>"}});
  ASSERT_TRUE(counter);
  std::int64_t emitted = 0;
  for (int reader = 0; reader < (kSanitizer ? 30 : 100); ++reader) {
    Program tail{program("mabeam"), {"tail", ">", "--name", name()}, folder()};
    // Every second one is killed as it reads, the others wherever their start is.
    const auto emit_some = [&] {
      for (int i = 0; i < 100; ++i)
        emitted += client.emit("t.x", i, seconds{20}) ? 1 : 0;
      return !tail.out().empty();
    };
    if (reader % 2 == 0) {
      ASSERT_TRUE(wait_until(kPatience, emit_some));
    } else {
      emit_some();
    }
    tail.kill();
  }
  EXPECT_TRUE(wait_until(kPatience, [&] {
    const auto reply = client.call(counter->at(0), "get", {}, seconds{5});
    return reply && reply->payload().as<std::int64_t>() == emitted;
  }));
  EXPECT_TRUE(Observer::attach(name())->verify().damage.empty());
}

}  // namespace
}  // namespace mabeam::tests

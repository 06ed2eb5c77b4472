// What survives: numbered messages run down chains of agents over several workers while workers are
// killed with SIGKILL. In the end every link has counted every number once and in order.
//
//   MABEAM_STRESS_SECONDS=600 MABEAM_STRESS_SEED=7 build/release/tests/mabeam_chaos_tests
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/stress.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SurvivalTest : public RuntimeFixture {
 protected:
  static constexpr int kKills = 200;  // at least
  static constexpr std::size_t kLinks = 4;

  void start_runtime() {
    configure(
        "[runtime]\nworkers = 3\nshards = 6\nfault_agents = true\n"
        "[worker]\nmodules = [\"" MABEAM_MODULE_DIR
        "/relay.so\"]\n"
        "[restart]\nintensity = 10000\nbackoff_min = \"0s\"\nbackoff_max = \"0s\"\n");
    start_ready();
  }

  Client attach() { return Client::attach(name(), {.attach_timeout = seconds{20}}).value(); }

  /// Agents a, b, c, d: each sends to the next. Names put them on shards of several workers.
  std::vector<AgentId> make_chain(Client& client, const std::string& prefix) {
    std::vector<AgentId> links;
    for (std::size_t i = 0; i < kLinks; ++i) {
      const std::string link = prefix + std::to_string(i);
      links.push_back(client.create("relay", 1, {.name = link}).value().at(0));
    }
    for (std::size_t i = 0; i + 1 < kLinks; ++i) {
      EXPECT_TRUE(client.call(links[i], "link", links[i + 1].value(), seconds{20}));
    }
    return links;
  }

  /// "count last out_of_order", asked until the runtime answers.
  static std::string ask(Client& client, AgentId link) {
    for (int tries = 0; tries < 50; ++tries) {
      const auto reply = client.call(link, "get", {}, seconds{2});
      if (reply) return std::string{reply->payload().text()};
    }
    return "no answer";
  }

  /// Kills one random worker. True if there was one.
  bool kill_a_worker(std::mt19937& random) const {
    const auto observer = Observer::attach(name());
    if (!observer) return false;
    const auto workers = observer->runtime().workers;
    const auto& worker = workers.at(random() % workers.size());
    return worker.pid && ::kill(static_cast<pid_t>(*worker.pid), SIGKILL) == 0;
  }
};

TEST_F(SurvivalTest, EveryNumberCountsOnceThroughRandomKills) {
  const auto seed = static_cast<unsigned>(stress_seed());
  const StressTime time;
  start_runtime();
  Client client = attach();
  const std::array chains{make_chain(client, "x"), make_chain(client, "y")};
  std::mt19937 random{seed};
  std::int64_t sent = 0;
  int kills = 0;
  while (kills < kKills || !time.is_over()) {
    for (int i = 0; i < 200; ++i) {
      ++sent;
      for (const auto& chain : chains) {
        ASSERT_TRUE(client.send(chain[0], "number", sent, {}, seconds{20})) << "number " << sent;
      }
    }
    kills += kill_a_worker(random) ? 1 : 0;
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 3000});  // where it is hit
  }
  const std::string expected = std::to_string(sent) + " " + std::to_string(sent) + " 0";
  int wrong = 0;
  for (const auto& chain : chains) {
    for (const AgentId link : chain) {
      const bool arrived = wait_until(kPatience, [&] { return ask(client, link) == expected; });
      EXPECT_TRUE(arrived) << to_string(link) << ": " << ask(client, link) << ", not " << expected;
      wrong += arrived ? 0 : 1;
    }
  }
  const auto damage = Observer::attach(name())->verify().damage;
  EXPECT_TRUE(damage.empty()) << damage[0].where << ": " << damage[0].what;
  std::printf("survival: seed %u, kills %d, messages %lld down %zu chains of %zu, wrong links %d\n",
              seed, kills, static_cast<long long>(sent), chains.size(), kLinks, wrong);
}

TEST_F(SurvivalTest, PoisonCostsThreeRestartsAndTheRestIsServed) {
  start_runtime();
  Client client = attach();
  const AgentId fault = client.create("fault").value().at(0);
  ASSERT_TRUE(client.send(fault, "crash"));
  const auto counter = client.create("counter").value().at(0);
  const auto restarts = [&] {
    std::uint64_t sum = 0;
    for (const auto& worker : Observer::attach(name())->runtime().workers)
      sum += worker.restarts;
    return sum;
  };
  EXPECT_TRUE(wait_until(
      kPatience, [&] { return Observer::attach(name())->stats().messages.dead_lettered == 1; }));
  EXPECT_EQ(restarts(), 3U);
  EXPECT_EQ(client.call(counter, "increment", 2, seconds{5})->payload().as<std::int64_t>(), 2);
  // The faulty agent lives and is served again.
  const auto refused = client.call(fault, "dance", {}, seconds{5});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unknown_action);
}

TEST_F(SurvivalTest, ReadersMayBeKilledAnyTime) {
  start_runtime();
  Client client = attach();
  const auto counter =
      client.create("counter", 1, {.subscribe = std::array<std::string_view, 1>{"t.>"}});
  ASSERT_TRUE(counter);
  std::int64_t emitted = 0;
  for (int reader = 0; reader < 100; ++reader) {
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

// Stopping a family whose members live on the shards of all workers, while workers are killed with
// SIGKILL and others still make children: nobody is left, and nothing is broken.
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/stress.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class FamilyTest : public RuntimeFixture {
 protected:
  static constexpr std::uint32_t kWorkers = 3;

  void SetUp() override {
    configure(
        "[runtime]\nworkers = 3\nshards = 6\n[restart]\nintensity = 10000\n"
        "backoff_min = \"0s\"\nbackoff_max = \"0s\"\n");
    start_ready();
    client_.emplace(attach());
  }

  [[nodiscard]] Client attach() const {
    return Client::attach(name(), {.attach_timeout = seconds{20}}).value();
  }

  /// The root first, then its sons; theirs are not listed.
  std::vector<AgentId> make_family(std::size_t sons, std::size_t grandsons) {
    std::vector<AgentId> parents = client_->create("echo").value();
    const auto made = client_->create("echo", sons, {.parent = parents[0]}).value();
    for (const AgentId son : made) {
      parents.push_back(son);
      EXPECT_TRUE(client_->create("echo", grandsons, {.parent = son}));
    }
    return parents;
  }

  /// Tries each for its parent until none will have any more.
  void make_late_children(const std::vector<AgentId>& parents) const {
    Client client = attach();
    for (const AgentId parent : parents) {
      while (client.create("echo", 1, {.parent = parent})) {
      }
    }
  }

  [[nodiscard]] std::uint64_t left() const { return client_->count_agents({.type = "echo"}); }

  void expect_whole() const {
    const auto observer = Observer::attach(name());
    const auto damage = observer->verify().damage;
    EXPECT_TRUE(damage.empty()) << damage[0].where << ": " << damage[0].what;
    EXPECT_EQ(observer->stats().messages.dead_lettered, 0U);
  }

  std::optional<Client> client_;
};

TEST_F(FamilyTest, EndsOnAllShards) {
  const std::vector<AgentId> parents = make_family(20, 20);
  std::set<EndpointId> shards;
  for (const AgentId parent : parents)
    shards.insert(parent.endpoint());
  EXPECT_EQ(shards.size(), 6U);
  const AgentId stranger = client_->create("echo").value().front();
  EXPECT_TRUE(client_->stop(parents[0], {.children = true}, seconds{20}));
  EXPECT_EQ(left(), 1U) << "it has waited for all of them";
  EXPECT_TRUE(client_->call(stranger, "still", "here"));
  expect_whole();
}

TEST_F(FamilyTest, EndsThroughKillsAndLateChildren) {
  constexpr int kRounds = 8;
  std::mt19937 random{static_cast<unsigned>(stress_seed())};
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<AgentId> parents = make_family(30, 30);
    const auto victim = static_cast<std::uint32_t>(round) % kWorkers;
    const pid_t pid = ready_worker(victim);
    ASSERT_NE(pid, 0);
    std::thread late{[&] { make_late_children(parents); }};
    std::thread killer{[pid, delay = std::chrono::microseconds{random() % 3000}] {
      std::this_thread::sleep_for(delay);
      ::kill(pid, SIGKILL);
    }};
    const Result<> stopped = client_->stop(parents[0], {.children = true}, seconds{20});
    killer.join();
    late.join();
    EXPECT_TRUE(stopped) << describe(stopped.error());
    ASSERT_TRUE(wait_until(kPatience, [&] { return left() == 0; })) << left() << " are left";
    ASSERT_TRUE(wait_workers_ready({pid}));
  }
  expect_whole();
}

}  // namespace
}  // namespace mabeam::tests

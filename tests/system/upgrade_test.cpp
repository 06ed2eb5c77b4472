// State versions over real workers: a module is replaced on disk under 1,000 agents whose messages
// flow on, while workers are killed with SIGKILL one after another. Every state is brought up
// exactly once, and every message counts exactly once, whichever version it met.
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/stress.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class UpgradeTest : public RuntimeFixture {
 protected:
  static constexpr std::size_t kAgents = 1000;
  static constexpr std::uint32_t kWorkers = 3;

  void SetUp() override {
    install("ledger_v1");
    configure("[runtime]\nworkers = 3\nshards = 6\n[worker]\nmodules = [\"" +
              (folder() / "ledger.so").string() +
              "\"]\n[restart]\nintensity = 10000\nbackoff_min = \"0s\"\nbackoff_max = \"0s\"\n"
              "[breaker]\nfailure_threshold = 65535\n");
    start_ready();
    client_.emplace(Client::attach(name(), {.attach_timeout = seconds{20}}).value());
    agents_ = client_->create("ledger", kAgents, {}, seconds{20}).value();
  }

  /// Replaces the module at once, as a package manager does: the running workers keep the old one.
  void install(const std::string& module) const {
    namespace fs = std::filesystem;
    const fs::path next = folder() / "next.so";
    fs::copy_file(fs::path{MABEAM_MODULE_DIR} / (module + ".so"), next,
                  fs::copy_options::overwrite_existing);
    fs::rename(next, folder() / "ledger.so");
  }

  /// Sends every agent its next number. `at(i)` is called before the message to agent i.
  template <class At>
  void send_round(At&& at) {
    ++sent_;
    for (std::size_t i = 0; i < agents_.size(); ++i) {
      at(i);
      ASSERT_TRUE(client_->send(agents_[i], "number", sent_, {}, seconds{20})) << i;
    }
  }

  void send_round() {
    send_round([](std::size_t) {});
  }

  void kill_worker(std::uint32_t index) {
    const pid_t pid = ready_worker(index);
    if (pid != 0 && ::kill(pid, SIGKILL) == 0) ++kills_;
  }

  /// Afterwards all workers have the module that is on disk.
  void kill_all() {
    for (std::uint32_t index = 0; index < kWorkers; ++index) {
      ASSERT_TRUE(wait_until(kPatience, [&] { return ready_worker(index) != 0; }));
      const pid_t old = ready_worker(index);
      ASSERT_EQ(::kill(old, SIGKILL), 0);
      ++kills_;
      ASSERT_TRUE(wait_workers_ready({old}));
    }
  }

  /// How many agents do not answer "VERSION COUNT LAST OUT_OF_ORDER CENTS UPGRADES" as they must.
  std::size_t wrong(int version, int upgrades) {
    const std::string expected =
        std::to_string(version) + " " + std::to_string(sent_) + " " + std::to_string(sent_) +
        " 0 " + std::to_string(sent_ * (sent_ + 1) / 2 * 100) + " " + std::to_string(upgrades);
    std::size_t wrong = 0;
    const auto answers = client_->call_many(agents_, "get", {}, seconds{30}).value();
    for (const auto& answer : answers) {
      const std::string said =
          answer ? std::string{answer->payload().text()} : describe(answer.error());
      if (said == expected) continue;
      if (wrong++ == 0) ADD_FAILURE() << said << ", not " << expected;
    }
    return wrong;
  }

  [[nodiscard]] std::size_t suspended_for(Errc reason) const {
    const AgentList list = Observer::attach(name())->agents({.type = "ledger"});
    return static_cast<std::size_t>(
        std::count_if(list.agents.begin(), list.agents.end(), [&](const AgentView& agent) {
          return agent.lifecycle == Lifecycle::suspended && agent.reason == reason;
        }));
  }

  void expect_whole() const {
    const auto observer = Observer::attach(name());
    const auto damage = observer->verify().damage;
    EXPECT_TRUE(damage.empty()) << damage[0].where << ": " << damage[0].what;
    EXPECT_EQ(observer->stats().messages.dead_lettered, 0U);
  }

  std::optional<Client> client_;
  std::vector<AgentId> agents_;
  std::int64_t sent_ = 0;
  int kills_ = 0;
};

TEST_F(UpgradeTest, EveryStateIsBroughtUpOnceThroughKills) {
  constexpr int kRounds = 12;
  constexpr int kReplaced = 3;  // in the middle of this round
  const auto seed = static_cast<unsigned>(stress_seed());
  std::mt19937 random{seed};
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(send_round([&](std::size_t i) {
      if (round == kReplaced && i == kAgents / 2) install("ledger_v2");
      if (random() % 120 == 0) kill_worker(static_cast<std::uint32_t>(random() % kWorkers));
    }));
  }
  EXPECT_GT(kills_, 10);
  ASSERT_NO_FATAL_FAILURE(kill_all());
  const std::size_t wrong_ones = wrong(2, 1);
  EXPECT_EQ(wrong_ones, 0U);
  expect_whole();
  std::printf("upgrade: seed %u, kills %d, agents %zu, messages %lld, agents wrong %zu\n", seed,
              kills_, kAgents, static_cast<long long>(sent_ * std::int64_t{kAgents}), wrong_ones);
}

// What cannot be brought up waits, and so do its messages, until a module that can is back.
TEST_F(UpgradeTest, WhatCannotBeBroughtUpWaitsForAModuleThatCan) {
  ASSERT_NO_FATAL_FAILURE(send_round());
  install("ledger_v2");
  ASSERT_NO_FATAL_FAILURE(kill_all());
  ASSERT_NO_FATAL_FAILURE(send_round());
  EXPECT_EQ(wrong(2, 1), 0U);

  install("ledger_v3");
  ASSERT_NO_FATAL_FAILURE(kill_all());
  ASSERT_NO_FATAL_FAILURE(send_round());
  EXPECT_TRUE(wait_until(kPatience, [&] { return suspended_for(Errc::state_version) == kAgents; }))
      << suspended_for(Errc::state_version);
  Program table{program("mabeam"), {"agents", "--limit", "1", "--name", name()}, folder()};
  EXPECT_EQ(table.wait(), 0);
  EXPECT_NE(table.out().find("suspended: state_version"), std::string::npos) << table.out();
  ASSERT_TRUE(client_->suspend(agents_[0]));
  ASSERT_NO_FATAL_FAILURE(kill_all());
  EXPECT_EQ(suspended_for(Errc::state_version), kAgents) << "no owner that cannot serve them tries";

  install("ledger_v2");
  ASSERT_NO_FATAL_FAILURE(kill_all());
  EXPECT_EQ(wrong(2, 1), 0U) << "nobody has resumed them by hand";
  EXPECT_EQ(suspended_for(Errc::state_version), 0U);
  expect_whole();
}

// A state that is newer than the module is left alone; by hand it is resumed in vain.
TEST_F(UpgradeTest, NewerStateOutlastsAnOlderModule) {
  install("ledger_v2");
  ASSERT_NO_FATAL_FAILURE(kill_all());
  ASSERT_NO_FATAL_FAILURE(send_round());
  EXPECT_EQ(wrong(2, 1), 0U);
  install("ledger_v1");
  ASSERT_NO_FATAL_FAILURE(kill_all());
  ASSERT_NO_FATAL_FAILURE(send_round());
  EXPECT_TRUE(wait_until(kPatience, [&] { return suspended_for(Errc::state_version) == kAgents; }));
  ASSERT_TRUE(client_->resume(agents_[7]));
  EXPECT_TRUE(wait_until(kPatience, [&] { return suspended_for(Errc::state_version) == kAgents; }));
  install("ledger_v2");
  ASSERT_NO_FATAL_FAILURE(kill_all());
  EXPECT_EQ(wrong(2, 1), 0U);
  expect_whole();
}

}  // namespace
}  // namespace mabeam::tests

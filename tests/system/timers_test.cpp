// Timers of real workers: they wake a worker that sleeps, and outlive one that is killed.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class TimersTest : public RuntimeFixture {
 protected:
  /// No heartbeat, so nothing else wakes the worker within a second.
  void SetUp() override {
    configure(
        "[runtime]\nworkers = 1\n[worker]\nheartbeat_timeout = \"0s\"\nmodules = "
        "[\"" MABEAM_MODULE_DIR "/ticker.so\"]\n");
    start_ready();
    client_.emplace(Client::attach(name(), {.attach_timeout = seconds{20}}).value());
    ASSERT_TRUE(client_->subscribe("tick"));
    ASSERT_TRUE(client_->create("ticker"));
  }

  /// Waits for more ticks. How many have come in all.
  std::size_t wait_for_ticks(std::size_t more, std::chrono::milliseconds limit) {
    const std::size_t enough = ticks_.size() + more;
    const bool came = wait_until(limit, [&] {
      const auto note = [&](const EventView& event) {
        ticks_.push_back(event.payload.as<std::int64_t>().value_or(0));
      };
      EXPECT_TRUE(client_->poll_events(note, 100, {}));
      return ticks_.size() >= enough;
    });
    EXPECT_TRUE(came) << "only " << ticks_.size() << " of " << enough;
    return ticks_.size();
  }

  std::optional<Client> client_;
  std::vector<std::int64_t> ticks_;
};

// A worker that slept for as long as it may would be late by a second each time.
TEST_F(TimersTest, WakeTheirWorker) {
  (void)wait_for_ticks(1, kPatience);
  (void)wait_for_ticks(30, seconds{15});
}

TEST_F(TimersTest, CountOnAfterTheirWorkerWasKilled) {
  for (int kills = 0; kills < 3; ++kills) {
    (void)wait_for_ticks(3, kPatience);
    const pid_t old = ready_worker(0);
    ASSERT_EQ(::kill(old, SIGKILL), 0);
    ASSERT_TRUE(wait_workers_ready({old}));
  }
  std::vector<std::int64_t> expected(wait_for_ticks(3, kPatience));
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(ticks_, expected) << "each once";
}

}  // namespace
}  // namespace mabeam::tests

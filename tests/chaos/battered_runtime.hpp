// BatteredRuntime: a runtime under a steady load of signals, calls and events, whose numbers are
// counted, and on which blows of all kinds fall in random order, up to three at a time.
#pragma once

#include "shm/control.hpp"
#include "shm/segment.hpp"
#include "tests/chaos/blows.hpp"
#include "tests/chaos/kills.hpp"
#include "tests/chaos/load.hpp"
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include "mabeam/client.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace mabeam::tests {

class BatteredRuntime : public RuntimeFixture {
 protected:
  using Clock = BlowBook::Clock;

  static constexpr std::uint32_t kWorkers = 3;
  static constexpr std::uint32_t kMostWorkers = 4;
  static constexpr std::uint32_t kShards = 6;

  /// With agents on every shard, and the load. What this machine cannot have is skipped.
  void start_runtime();
  /// Blows fall for that long, each kind at least once, and until all are recovered from.
  void rain(std::chrono::seconds time);
  /// What has become of all numbers.
  Tally stop_and_count();
  /// What had to die is a dead letter, and nothing else is.
  void expect_nothing_lost_silently();
  /// No process too many, and no damage.
  void expect_all_whole();

  BlowBook book_;

 private:
  [[nodiscard]] std::string text_of_settings() const;
  void look_at_limits();
  void count_heard(AgentId listener, Tally& tally);

  bool has_more_to_show();
  void deal();
  /// False: it cannot fall now.
  bool strike(Blow blow);

  // battered_workers.cpp
  /// A ready worker on which no other blow falls.
  std::optional<std::uint32_t> choose_worker();
  [[nodiscard]] pid_t pid_of(std::uint32_t worker) const;
  [[nodiscard]] bool is_ready(std::uint32_t worker) const;
  [[nodiscard]] bool are_ready() const;
  [[nodiscard]] bool has_exited(std::uint32_t worker, std::int64_t since) const;
  [[nodiscard]] bool has_any_exited(std::int64_t since) const;
  /// What became of a worker that was struck: it is ready anew, and has died of what struck it,
  /// unless an order or the death of its supervisor came between.
  bool has_returned(std::uint32_t worker, pid_t old, std::uint64_t orders, ExitCause cause);
  bool signal_a_worker(Blow blow, int signal, ExitCause cause);
  bool let_fail(Blow blow, const char* signal, std::int64_t number, ExitCause cause);
  /// What was sent has gone off, wherever its shard was then.
  [[nodiscard]] bool has_blown_over(Blow blow, std::int64_t since) const;
  /// What stays the same as long as a worker can only die of what strikes it.
  [[nodiscard]] std::uint64_t orders_so_far() const;

  // battered_supervisor.cpp
  bool kill_supervisor();
  void start_successor();
  [[nodiscard]] bool may_order() const;
  std::optional<shm::ControlVerdict> order(shm::ControlCommand command, std::uint64_t number);
  bool scale();
  /// Every shard is where it shall be.
  [[nodiscard]] bool are_in_place() const;
  bool reload();
  bool reload_nonsense();
  bool fill_shm();
  bool read_slowly();

  std::mt19937_64 random_{kills().seed};
  RuntimeView seen_;
  std::vector<Blow> deck_;
  std::uint64_t decks_ = 0;
  std::optional<Observer> observer_;
  std::optional<shm::Segment> segment_;
  std::optional<Client> client_;
  std::vector<AgentId> listeners_;
  std::vector<AgentId> faults_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::unique_ptr<Caller> caller_;
  std::unique_ptr<Publisher> publisher_;
  std::set<std::uint32_t> struck_;  // workers
  std::set<pid_t> orphans_;         // that were struck, and not the supervisor's children
  std::uint32_t wanted_ = kWorkers;
  std::uint64_t orders_ = 0;  // and takeovers: what may end a worker for another reason
  std::uint64_t supervisors_ = 1;
  std::uint64_t faults_sent_ = 0;
  std::uint64_t slow_missed_ = 0;
  std::uint32_t nice_ = 0;
  std::uint32_t stall_seconds_ = kSanitizer ? 6 : 2;  // longer than a message hangs, twice
  bool is_failing_ = false;
  bool has_supervisor_ = true;
  Clock::time_point successor_due_;
};

}  // namespace mabeam::tests

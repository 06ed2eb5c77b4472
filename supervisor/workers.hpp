// Workers: all workers of the runtime: started at once, watched, restarted, ended.
//
// What happens to a worker is decided in four places only: when its process is gone (on_exit), when
// a deadline of its state has passed (check_deadlines), when it is looked at (scan), and when
// somebody orders it (restart, roll, scale, set_breaker).
//
// A worker that fails too often has its circuit breaker open: no process, and its shards run on the
// others. Then one incarnation is tried with one shard; if it does well, it gets its part back.
#pragma once

#include "shm/control.hpp"
#include "supervisor/event_loop.hpp"
#include "supervisor/joint_restart.hpp"
#include "supervisor/limits/limits.hpp"
#include "supervisor/log.hpp"
#include "supervisor/placement.hpp"
#include "supervisor/rebalance.hpp"
#include "supervisor/restart.hpp"
#include "supervisor/rollout.hpp"
#include "supervisor/runtime.hpp"
#include "supervisor/strays.hpp"
#include "supervisor/worker.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace mabeam::supervisor {

/// Between two SIGKILLs to a process that the kernel holds.
inline constexpr Time kKillAgain = std::chrono::seconds{5};

/// Why there is no point in going on.
struct GiveUp {
  ExitCode code = ExitCode::gave_up;
  std::string reason;
};

/// What became of an order: done, or why not.
struct Said {
  shm::ControlVerdict verdict = shm::ControlVerdict::done;
  std::string reason;
};

class Workers {
 public:
  Workers(const Runtime& runtime, EventLoop& loop, Log& log);

  /// Adopts every worker that lives and starts the others, all at once.
  void start(Time now);

  /// The process of a worker may be gone.
  void on_exit(std::uint32_t index, Time now);

  /// Looks who has said that it is ready.
  void look(Time now);

  /// A worker has printed something, or has closed its output.
  void on_output(std::uint32_t index, Time now);

  /// Tells what workers have printed of lines that have no end yet: the next program, to which this
  /// one hands over, gets the pipes alone.
  void end_lines();

  /// Looks at everything that workers say, and at who has fallen silent. `lag`: time in which the
  /// supervisor did not run, which counts against nobody.
  void scan(Time now, Time lag);

  /// The configuration's limits have changed.
  void limits_changed() { limits_.configure(); }

  /// Removes what was made for workers, of which none is left.
  void remove_groups() { limits_.remove(); }

  /// Removes the groups of those that have left or failed for good. Returns how many.
  int remove_idle_groups();

  /// Ends a worker that is in service, as one that hangs.
  void end_slow(std::uint32_t index, Time now);

  /// Does what is due: restarts, second signals.
  void check_deadlines(Time now);
  [[nodiscard]] Time next_deadline() const;

  /// Orders every worker to finish what is in its rings; who has not by shutdown_timeout is ended.
  void drain(Time now);
  /// Orders every worker to leave after its turn; who has not in a second is killed.
  void stop(Time now);
  void kill(Time now);

  /// Ends one worker after its turn and starts it anew at once: planned, so nothing is to blame.
  Said restart(std::uint32_t index, Time now);

  /// Restarts the workers one by one with what the configuration says now.
  void roll(Time now);

  [[nodiscard]] bool is_rolling() const { return rollout_.has_value(); }

  /// Once, after a rollout has failed: the settings that have come back.
  std::optional<WorkerConfig> take_old_settings() { return std::exchange(old_settings_, {}); }

  /// Runs that many workers; shards move to the new ones, or away from those that leave.
  Said scale(std::uint32_t count, Time now);

  /// Holds a worker's breaker open or closed, or lets it go.
  Said set_breaker(std::uint32_t index, shm::BreakerMode mode, Time now);

  [[nodiscard]] std::uint32_t count() const { return wanted_; }

  /// True if nobody is just being ended, for a reason that this supervisor alone knows.
  [[nodiscard]] bool is_settled() const;

  /// Every worker that is to run runs, and one at least does.
  [[nodiscard]] bool is_ready() const;
  [[nodiscard]] bool has_processes() const;

  [[nodiscard]] const std::optional<GiveUp>& give_up() const { return give_up_; }

  [[nodiscard]] Time forked() const { return forked_; }

  /// True for the process of a worker that is a child.
  [[nodiscard]] bool is_one_of(pid_t pid) const;
  /// True while that incarnation of a worker runs.
  [[nodiscard]] bool is_alive(StartedBy incarnation) const;

 private:
  // workers.cpp: from a start to an end
  [[nodiscard]] SpawnOptions spawn_options(const Worker& worker) const;
  Result<> start_one(Worker& worker, Time now);
  void run_one(Worker& worker, Time now);
  void settle_adopted(Worker& worker, Time now);
  void try_again(Worker& worker, Error error, Time now);
  void end_one(Worker& worker, Time now);
  void tell_end(const Worker& worker, const WorkerExit& exit, Time now);
  void follow_up(Worker& worker, const WorkerExit& exit, Time now);
  [[nodiscard]] bool is_one_too_many(const Ending& ending, Time now);
  void restart(Worker& worker, Time delay, Time now);
  void leave(Worker& worker, WorkerEvent event);
  [[nodiscard]] bool is_serving() const;

  // workers_joint.cpp: who is restarted with one that failed
  void take_along(Worker& other, Time now);
  bool restart_jointly(Worker& worker, const WorkerExit& exit, Time delay, Time now);
  void await_others(Worker& worker, Time now);
  void start_together(Time now);

  // workers_orders.cpp: what somebody wants
  void restart_planned(Worker& worker, Time now);
  void advance_rollout(Time now);
  void look_at_rollout(Time now);
  bool goes_back(const Worker& worker);
  void retire(Worker& worker, Time now);

  [[nodiscard]] bool is_retired(const Worker& worker) const { return worker.index() >= wanted_; }

  // workers_breakers.cpp: which worker may run how much
  [[nodiscard]] shm::BreakerRules breaker_rules() const;
  [[nodiscard]] bool may_open(const Worker& worker) const;
  bool has_tripped(Worker& worker, const Ending& ending, Time now);
  void open(Worker& worker, Time now);
  void try_open(Worker& worker, Time now);
  void begin_trial(Worker& worker, Time now);
  void look_at_trial(Worker& worker);
  void prove(Worker& worker);
  [[nodiscard]] std::optional<std::uint64_t> messages_of(const Worker& worker) const;
  [[nodiscard]] Share share_of(const Worker& worker) const;
  void begin_again(Worker& worker, Time now);
  void place_shards();

  // workers_watch.cpp: in between
  void notice_ready(Worker& worker, Time now);
  void listen(Worker& worker, Time now, Time lag);
  void suspect(Worker& worker, Time now);
  void condemn(Worker& worker, ExitCause cause, Time now);
  [[nodiscard]] bool is_held(Worker& worker);
  void on_deadline(Worker& worker, Time now);

  // workers_output.cpp: what they print
  void watch_output(Worker& worker);
  void stop_watching_output(Worker& worker) noexcept;
  void tell_left_out(const Worker& worker);
  void end_output(Worker& worker, Time now);
  void resume_output(Worker& worker, Time now);
  [[nodiscard]] WorkerOutput::Tell teller(const Worker& worker);

  // workers_rebalance.cpp: who is far busier than another
  [[nodiscard]] std::vector<Share> shares_of_ready() const;
  void rebalance(Time now);

  // workers_limits.cpp: what they use
  void enforce_limits(Time now);
  void mark_degraded(Worker& worker, const LimitFinding& found);
  void end_over_limit(Worker& worker, ExitCause cause, std::string_view reason, Time now);

  const Runtime& runtime_;
  EventLoop& loop_;
  Log& log_;
  Limits limits_;
  std::vector<Worker> workers_;
  RestartIntensity intensity_;
  JointRestart joint_;
  std::minstd_rand random_;
  std::optional<std::int32_t> final_code_;  // a worker's, that says another try would end alike
  std::optional<GiveUp> give_up_;
  std::uint32_t wanted_;  // workers; those behind are leaving, or have left
  WorkerConfig settings_;
  std::optional<Rollout> rollout_;
  Rebalance rebalance_;
  std::optional<WorkerConfig> old_settings_;
  bool has_started_ = false;  // every worker has been begun with
  bool is_ending_ = false;    // the runtime ends: nobody is restarted
  Time forked_{0};            // when all had been started
};

}  // namespace mabeam::supervisor

// Workers: all workers of the runtime: started at once, watched, restarted, ended.
//
// What happens to a worker is decided in three places only: when its process is gone (on_exit),
// when a deadline of its state has passed (check_deadlines), and when it is looked at (scan).
#pragma once

#include "supervisor/event_loop.hpp"
#include "supervisor/log.hpp"
#include "supervisor/restart.hpp"
#include "supervisor/runtime.hpp"
#include "supervisor/worker.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace mabeam::supervisor {

/// Why there is no point in going on.
struct GiveUp {
  ExitCode code = ExitCode::gave_up;
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

  /// Looks at everything that workers say, and at who has fallen silent. `lag`: time in which the
  /// supervisor did not run, which counts against nobody.
  void scan(Time now, Time lag);

  /// Does what is due: restarts, second signals.
  void check_deadlines(Time now);
  [[nodiscard]] Time next_deadline() const;

  /// Orders every worker to finish what is in its rings; who has not by shutdown_timeout is ended.
  void drain(Time now);
  /// Orders every worker to leave after its turn; who has not in a second is killed.
  void stop(Time now);
  void kill(Time now);

  /// Every worker that is to run runs, and one at least does.
  [[nodiscard]] bool is_ready() const;
  [[nodiscard]] bool has_processes() const;

  [[nodiscard]] const std::optional<GiveUp>& give_up() const { return give_up_; }

  [[nodiscard]] Time forked() const { return forked_; }

  /// True for the process of a worker that is a child.
  [[nodiscard]] bool is_one_of(pid_t pid) const;

 private:
  // workers.cpp: from a start to an end
  [[nodiscard]] SpawnOptions spawn_options() const;
  void run_one(Worker& worker, Time now);
  void settle_adopted(Worker& worker, Time now);
  void try_again(Worker& worker, Error error, Time now);
  void end_one(Worker& worker, Time now);
  void follow_up(Worker& worker, const WorkerExit& exit, Time now);
  [[nodiscard]] bool is_one_too_many(const Ending& ending, Time now);
  void restart(Worker& worker, Time delay, Time now);
  void leave(Worker& worker, WorkerEvent event);
  [[nodiscard]] bool is_serving() const;

  // workers_watch.cpp: in between
  void notice_ready(Worker& worker, Time now);
  void listen(Worker& worker, Time now, Time lag);
  void suspect(Worker& worker, Time now);
  void condemn(Worker& worker, ExitCause cause, Time now);
  [[nodiscard]] bool is_held(Worker& worker);
  void on_deadline(Worker& worker, Time now);

  const Runtime& runtime_;
  EventLoop& loop_;
  Log& log_;
  std::vector<Worker> workers_;
  RestartIntensity intensity_;
  std::minstd_rand random_;
  std::optional<std::int32_t> final_code_;  // a worker's, that says another try would end alike
  std::optional<GiveUp> give_up_;
  bool is_ending_ = false;  // the runtime ends: nobody is restarted
  Time forked_{0};          // when all had been started
};

}  // namespace mabeam::supervisor

// Supervisor: one thread that sleeps in epoll and lets events happen to the workers, the clients
// and the runtime. It decides nothing that these do not decide, and carries no message.
//
//   starting --(every worker ready)--> running --(SIGTERM)--> draining --(all gone)--> done
//                                         |                      |
//                                         +------(SIGINT)--------+--> stopping --> done
//                                         +------(gives up)---------> killing --> done
//
// At the end the segment is removed, and what went with it is counted aloud; or it is kept, if the
// configuration says so, or if the supervisor gives up on a runtime that has been in service: what
// agents have stored outlives every process, and a start of the same name goes on with it.
#pragma once

#include "supervisor/bell.hpp"
#include "supervisor/cleanup.hpp"
#include "supervisor/clients.hpp"
#include "supervisor/event_loop.hpp"
#include "supervisor/handover.hpp"
#include "supervisor/log.hpp"
#include "supervisor/notify.hpp"
#include "supervisor/options.hpp"
#include "supervisor/reload.hpp"
#include "supervisor/runtime.hpp"
#include "supervisor/slow_consumers.hpp"
#include "supervisor/watch.hpp"
#include "supervisor/worker_facts.hpp"
#include "supervisor/workers.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::supervisor {

/// When what was done, for the line that tells where the time of a start went.
struct StartTimes {
  Time begun{0};  ///< main() was entered
  Time segment_begun{0};
  Time segment_ready{0};
};

class Supervisor {
 public:
  /// `options` is where the configuration came from, for reloads.
  Supervisor(Runtime runtime, EventLoop loop, Log& log, const Options& options);

  /// The supervisor's whole life. Returns its exit code.
  ExitCode run(const StartTimes& times);

 private:
  enum class Phase : std::uint8_t { starting, running, draining, stopping, killing };

  void begin();
  void dispatch(const Event& event);
  void tick();
  void scan();
  void on_signal(int signal);
  void become_ready(const StartTimes& times);
  /// What the service manager is told of a runtime that runs.
  [[nodiscard]] std::string running_text() const;
  void drain(std::string_view why);
  void stop(std::string_view why);
  void give_up(const GiveUp& reason);
  void kill();

  // supervisor_control.cpp: what tools ask
  void hear();
  shm::ControlAnswer answer(const Question& question);
  shm::ControlAnswer shut_down(std::uint64_t how);
  shm::ControlAnswer reload(bool is_dry_run);
  shm::ControlAnswer reload_settings(bool is_dry_run);
  void take(const ReloadPlan& plan);

  // supervisor_handover.cpp: another program in this process
  void take_up();
  Result<Bell> open_bell();
  void ask_successor();
  void look_at_handover(Time now);
  void hand_over(Time now);
  void drop_handover();
  void refuse_successor(std::string_view reason);

  int reap_strays();
  void tell_parked();
  void tell_breakers();
  void look_for_slow_consumers(Time now);
  void look_at_name();
  [[nodiscard]] Time next_deadline() const;
  ExitCode finish();

  Runtime runtime_;
  EventLoop loop_;
  Log& log_;
  const Options& options_;
  Workers workers_;
  Clients clients_;
  WorkerFacts worker_facts_;
  SlowConsumers slow_consumers_;
  Cleanup cleanup_;
  Handover handover_;
  Watchdog watchdog_;
  std::optional<Bell> bell_;
  OwnLag lag_;
  std::vector<bool> parked_;   // shards that were told to be parked
  std::vector<bool> refused_;  // shards that were told to be called by nobody
  Phase phase_ = Phase::starting;
  ExitCode exit_ = ExitCode::done;
  bool keeps_segment_ = false;
  bool has_name_ = true;  // the segment
  Time next_scan_{0};
};

}  // namespace mabeam::supervisor

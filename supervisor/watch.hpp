// Watch: whether a worker is still heard, by the heartbeat that its work loop stores.
//
// A handler that never returns stops the heartbeat, so a hang is seen, and only a hang: time in
// which the supervisor itself did not run counts for nobody, since a machine that starves the one
// starves the others. A worker that a debugger holds is silent for a good reason, too.
#pragma once

#include "supervisor/event_loop.hpp"

#include <cstdint>

#include <sys/types.h>

namespace mabeam::supervisor {

enum class Hearing : std::uint8_t {
  fresh,
  suspect,  ///< silent for more than a fifth of heartbeat_timeout
  hung,     ///< silent for more than heartbeat_timeout
};

/// What is heard of one worker.
class Watch {
 public:
  /// A process was started, or adopted.
  void begin(Time now) { heard_ = now; }

  /// Takes note of the heartbeat in the worker's slot. One from the future is damage: not taken.
  void hear(Time heartbeat, Time now) {
    if (heartbeat > heard_ && heartbeat <= now) heard_ = heartbeat;
  }

  /// Does not count time in which the supervisor did not run.
  void forgive(Time lag, Time now) { heard_ = lag < now - heard_ ? heard_ + lag : now; }

  /// `timeout` 0 is off.
  [[nodiscard]] Hearing judge(Time now, Time timeout) const;

  [[nodiscard]] Time silence(Time now) const { return now - heard_; }

 private:
  Time heard_{0};
};

/// How often to look, so that a fifth of `timeout` is seen in time: at most every 250 ms.
Time scan_period(Time timeout);

/// How far the supervisor itself is behind its own timetable.
class OwnLag {
 public:
  /// The lag since the last call beyond what is usual, when a look was due every `period`.
  Time measure(Time now, Time period);

 private:
  Time last_{0};
};

/// True while a debugger or a tracer holds the process.
bool is_traced(pid_t pid);

}  // namespace mabeam::supervisor

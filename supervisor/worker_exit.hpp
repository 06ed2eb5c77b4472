// WorkerExit: how an incarnation of a worker ended, from what is known of it.
//
// The first of these that is known decides: why the supervisor ended it; that it was ordered to
// leave, and left; that the kernel killed it for its memory limit, by the kernel's own count (never
// by the signal alone, which anybody may send); the status that a parent gets; the word `leaving`
// that a worker stores just before a deliberate exit. Of an adopted worker, which is no child,
// there is no status (pitfall 6.3). An exit with 0 that was not announced is a failure: some
// handler has called exit().
#pragma once

#include "shm/layout.hpp"
#include "supervisor/restart.hpp"

#include "mabeam/observer.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace mabeam::supervisor {

/// What waitid() tells of a child.
struct ChildStatus {
  bool was_signal = false;
  std::int32_t value = 0;  ///< the signal, or the exit status
};

struct ExitEvidence {
  std::optional<ChildStatus> status = {};  ///< nothing for an adopted worker
  std::uint32_t leaving = 0;               ///< 1 + exit status, or 0
  ExitCause condemned = ExitCause::none;   ///< why the supervisor ended it
  bool was_ordered = false;                ///< to drain or to stop
  bool ran_out_of_memory = false;          ///< the kernel has just killed in its group
};

struct WorkerExit {
  ExitCause cause = ExitCause::unknown;
  std::optional<std::int32_t> code;
  std::int32_t signal = 0;
  bool was_announced = false;

  /// As the restart rules see it.
  [[nodiscard]] Ending ending(bool was_ready) const;
};

WorkerExit classify_exit(const ExitEvidence& evidence);

/// Stores it where every tool reads it.
void record_exit(const WorkerExit& exit, std::int64_t seen_unix_ns, shm::WorkerSlot& slot) noexcept;

/// "signal SIGSEGV", "exit 3", "hang (SIGKILL)".
std::string describe(const WorkerExit& exit);

}  // namespace mabeam::supervisor

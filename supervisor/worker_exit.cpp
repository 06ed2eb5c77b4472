#include "supervisor/worker_exit.hpp"

#include "shm/clock.hpp"

#include <csignal>
#include <cstring>

namespace mabeam::supervisor {
namespace {

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : std::string{"SIG"} + name;
}

}  // namespace

Ending WorkerExit::ending(bool was_ready) const {
  Ending result{.code = code, .was_ready = was_ready, .was_planned = cause == ExitCause::asked};
  // A worker at work announces its status. One that it did not is a handler's, who cannot mean that
  // no worker shall be started again: the next to take that message would be lost as well.
  if (!was_announced && (code == 0 || (was_ready && is_final(result)))) result.code = std::nullopt;
  return result;
}

WorkerExit classify_exit(const ExitEvidence& evidence) {
  WorkerExit exit;
  exit.was_announced = evidence.leaving != 0;
  if (evidence.status && evidence.status->was_signal) {
    exit.signal = evidence.status->value;
    exit.cause = ExitCause::signal;
  } else if (evidence.status) {
    exit.code = evidence.status->value;
    exit.cause = ExitCause::exit;
  } else if (exit.was_announced) {
    exit.code = static_cast<std::int32_t>(evidence.leaving - 1);
    exit.cause = ExitCause::exit;
  }
  // An adopted worker's signal is nobody's to know; that it said nothing, and was killed, is
  // enough.
  const bool was_killed = evidence.status ? exit.signal == SIGKILL : !exit.was_announced;
  if (evidence.ran_out_of_memory && was_killed) exit.cause = ExitCause::memory;
  const bool left_as_ordered = evidence.was_ordered && exit.code == 0;
  if (left_as_ordered) exit.cause = ExitCause::asked;
  if (evidence.condemned != ExitCause::none) exit.cause = evidence.condemned;
  return exit;
}

void record_exit(const WorkerExit& exit, std::int64_t seen_unix_ns,
                 shm::WorkerSlot& slot) noexcept {
  slot.exit_code.store(exit.code.value_or(0), std::memory_order_relaxed);
  slot.exit_signal.store(exit.signal, std::memory_order_relaxed);
  slot.exit_time_unix_ns.store(seen_unix_ns, std::memory_order_relaxed);
  slot.exit_cause.store(static_cast<std::uint32_t>(exit.cause), std::memory_order_release);
}

std::string describe(const WorkerExit& exit) {
  const std::string cause{to_string(exit.cause)};
  if (exit.cause == ExitCause::signal) return cause + " " + signal_name(exit.signal);
  if (exit.cause == ExitCause::exit) return cause + " " + std::to_string(exit.code.value_or(0));
  if (exit.signal != 0) return cause + " (" + signal_name(exit.signal) + ")";
  return cause;
}

}  // namespace mabeam::supervisor

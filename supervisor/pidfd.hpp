// Processes by descriptor: a pidfd means one process for good, whatever becomes of its number.
#pragma once

#include "shm/words.hpp"
#include "supervisor/descriptor.hpp"

#include "mabeam/result.hpp"

#include <sys/types.h>

namespace mabeam::supervisor {

/// Opens the process that has this number now. Errors: system (ESRCH: there is none).
Result<Descriptor> open_pidfd(pid_t pid);

/// Opens that very process, if it lives. Errors: not_found (it is dead), system.
Result<Descriptor> open_process(shm::ProcessId process);

/// True once the process is gone, a zombie included.
bool is_gone(const Descriptor& pidfd) noexcept;

/// Sends a signal, if the process still is there.
void send_signal(const Descriptor& pidfd, int signal) noexcept;

}  // namespace mabeam::supervisor

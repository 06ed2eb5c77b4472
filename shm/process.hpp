// Processes: who we are, and whether another is still who it was.
#pragma once

#include "shm/words.hpp"

#include "mabeam/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace mabeam::shm {

/// The text of /proc/PID/NAME; empty, or cut, if the process ends meanwhile.
std::string read_proc(pid_t pid, const char* name);

/// This process. Reads /proc once.
ProcessId self_process();

/// The process that has this pid now. Nothing if there is none, it is a zombie, or it cannot be
/// looked at (is_unreadable()).
std::optional<ProcessId> process_of(pid_t pid);

/// As process_of(), a zombie included: it is there until its parent has waited for it.
std::optional<ProcessId> remains_of(pid_t pid);

/// True unless that very process is gone for certain (a zombie is): whoever takes over what the
/// dead left must not do so because he himself is out of descriptors.
bool is_alive(ProcessId process);

/// True if there is such a process, and /proc does not tell which.
bool is_unreadable(pid_t pid);

/// The inode of this process's pid namespace.
std::uint64_t pid_namespace();

/// Anonymous resident memory of a process in bytes; 0 if it cannot be read.
std::uint64_t anonymous_bytes(pid_t pid);

}  // namespace mabeam::shm

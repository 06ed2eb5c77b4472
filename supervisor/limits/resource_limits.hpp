// Resource limits: what the kernel keeps a single process to (setrlimit), set before its program
// runs.
//
//   RLIMIT_NOFILE   limits.open_files
//   RLIMIT_CORE     limits.core_bytes, if it is set
//   RLIMIT_DATA     only where no control group limits memory: a quarter above worker_memory, so
//                   that one large allocation fails at once, and what grows slowly is seen by the
//                   watch and killed. Not RLIMIT_AS, which counts the segment, too
//   RLIMIT_NPROC    only where no control group limits processes. The kernel counts all processes
//                   of the user, and does not hold root to it
#pragma once

#include "supervisor/config.hpp"

#include "mabeam/limits.hpp"

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace mabeam::supervisor {

struct ResourceLimit {
  int resource = 0;
  std::uint64_t value = 0;

  friend bool operator==(const ResourceLimit&, const ResourceLimit&) = default;
};

/// What has to be kept by resource limits, since no group does it.
struct ResourceNeeds {
  bool memory = false;
  bool processes = false;
};

/// What is set for a worker. None is above what this process may give.
std::vector<ResourceLimit> resource_limits(const LimitsConfig& config, ResourceNeeds needs);

/// Sets them for a process that runs already; what it may not have is left as it is.
void set_resource_limits(pid_t pid, const std::vector<ResourceLimit>& limits);

/// True if the kernel would hold this user to RLIMIT_NPROC.
bool is_held_to_process_limit();

}  // namespace mabeam::supervisor

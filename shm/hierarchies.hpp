// Hierarchies: where the control groups are mounted, and in which group of each a process is.
//
// A machine has the second version alone (one tree, "unified"), or the first (a tree for each
// controller), or both: the older trees with the controllers, and a unified one without. Paths are
// those of the file system; what is not mounted here, or lies outside of what is, is empty.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace mabeam::shm {

struct Hierarchies {
  std::string memory;     ///< version 1, the controller `memory`: the group's folder
  std::string processes;  ///< version 1, the controller `pids`
  std::string unified;    ///< version 2
};

/// From the texts of /proc/self/mountinfo and of a process's /proc/PID/cgroup.
Hierarchies find_hierarchies(std::string_view mountinfo, std::string_view groups);

/// Of that process, as this one sees them; 0 is this one.
Hierarchies hierarchies_of(pid_t pid);

}  // namespace mabeam::shm

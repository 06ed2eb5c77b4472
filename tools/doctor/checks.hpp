// What `mabeam doctor` looks at: whether this machine suits a runtime. Each check reads, changes
// nothing, and needs no runtime.
#pragma once

#include "shm/hierarchies.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mabeam::tools::doctor {

enum class Verdict : std::uint8_t {
  good,
  warning,  ///< a runtime works, and may disappoint
  problem,  ///< a runtime cannot start, or will lose what it has
};

std::string_view to_string(Verdict verdict);

struct Finding {
  std::string_view name;  ///< of the check: a word for scripts
  Verdict verdict = Verdict::good;
  std::string detail = {};
  std::string advice = {};  ///< what to do; empty if nothing
};

/// Where the checks look: a test gives them a folder with files of its own.
struct Machine {
  std::filesystem::path root = "/";
  uid_t user = 0;
  unsigned cpus = 1;        ///< that this process may run on
  unsigned spinners = 0;    ///< workers of the runtime that is meant that spin without work
  shm::Hierarchies groups;  ///< of its own
};

/// This machine, as this process sees it, and what the runtime of that name asks of it, if there is
/// one.
Machine this_machine(const std::string& runtime);

/// Every check, in the order in which they are shown.
std::vector<Finding> examine(const Machine& machine);

Finding check_kernel(std::string_view release);
Finding check_shared_memory(const Machine& machine);
/// The same, of a /dev/shm with so many bytes.
Finding judge_shared_memory(std::uint64_t free, std::uint64_t all);
Finding check_cpus(const Machine& machine);
Finding check_clock(const Machine& machine);
Finding check_swap(const Machine& machine);
Finding check_limits_mechanism(const Machine& machine);
Finding check_remove_ipc(const Machine& machine);

}  // namespace mabeam::tools::doctor

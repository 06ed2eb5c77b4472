// Limits: what a runtime may use, what it uses, and by what means it is kept to that.
#pragma once

#include "mabeam/export.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam {

/// By what means a limit is kept.
enum class LimitMechanism : std::uint32_t {
  none,       ///< nothing on this machine can
  cgroup_v2,  ///< the kernel: a control group
  cgroup_v1,  ///< the kernel: a control group of the older kind
  rlimit      ///< resource limits of the process, and, for memory, a look every 250 ms
};
/// The words that tools print: "cgroup_v2".
MABEAM_API std::string_view to_string(LimitMechanism mechanism);

/// How much there is of something, and how much there may be.
struct Usage {
  std::uint64_t used = 0;
  std::uint64_t limit = 0;  ///< 0: no limit

  /// Used in percent of the limit; 0 without one.
  [[nodiscard]] std::uint64_t percent() const {
    if (limit == 0) return 0;
    return used > UINT64_MAX / 100 ? UINT64_MAX : used * 100 / limit;
  }
};

struct WorkerLimitsView {
  std::uint32_t index = 0;
  std::optional<std::uint32_t> pid;     ///< nothing when there is no process
  bool is_closed = false;               ///< over its soft limit: it takes no new agents
  Usage memory;                         ///< bytes; without a group: anonymous memory
  std::uint64_t memory_soft_bytes = 0;  ///< 0: none
  Usage processes;                      ///< threads are counted, too
  std::optional<std::uint64_t> files;   ///< open ones; nothing where they cannot be counted
  std::uint64_t files_limit = 0;        ///< 0: as its supervisor's
};

/// One of `[rates]`.
struct RateView {
  std::string name;        ///< the key in `[rates]`
  std::string type;        ///< of a type's rate: which; empty: of the rate as such
  std::uint32_t rate = 0;  ///< per second; 0: no limit
  std::uint32_t burst = 0;
  bool is_shadow = false;     ///< what is too much is counted, and not refused
  std::uint64_t granted = 0;  ///< since the segment was made, while there was a limit
  std::uint64_t refused = 0;
};

/// A table of the segment; of those that each shard or endpoint has for itself, the fullest.
struct TableView {
  std::string name;  ///< "timers of shard 3"
  Usage usage;
};

struct LimitsView {
  LimitMechanism memory_mechanism = LimitMechanism::none;
  LimitMechanism process_mechanism = LimitMechanism::none;
  Usage memory;   ///< bytes of all workers together
  Usage agents;   ///< of the whole runtime
  Usage clients;  ///< endpoints that are claimed
  std::vector<WorkerLimitsView> workers;
  std::vector<RateView> rates;
  std::vector<TableView> tables;
};

}  // namespace mabeam

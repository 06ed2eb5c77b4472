// Limits: keeps workers to what the configuration allows, by what this machine has.
//
//               control group, version 2 or 1                else
//   memory      the kernel kills what is over it             RLIMIT_DATA, and a look at RssAnon
//   processes   the kernel refuses another one               RLIMIT_NPROC, unless root
//   whole tree  all that is in the group dies                the process group dies
//
// Which it is, is chosen at the start, and `mabeam limits` tells. Memory of the segment is
// nobody's: the supervisor has touched every page before a worker could.
//
// A look, as often as heartbeats are looked at, finds who is over a soft limit, who is over a hard
// one that no kernel keeps, who is stuck at his limit of processes, and whether all together are
// over the runtime's: the kernel stops them an eighth above it, should they be quicker than a look.
#pragma once

#include "supervisor/limits/groups.hpp"
#include "supervisor/limits/resource_limits.hpp"
#include "supervisor/limits/victim.hpp"
#include "supervisor/limits/watermark.hpp"
#include "supervisor/log.hpp"
#include "supervisor/runtime.hpp"
#include "supervisor/spawn.hpp"

#include "mabeam/observer.hpp"
#include "mabeam/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mabeam::supervisor {

/// What a look at a worker finds.
struct LimitFinding {
  std::uint64_t memory_bytes = 0;
  std::uint64_t soft_bytes = 0;
  bool is_closed = false;              ///< it takes no new agents
  ExitCause excess = ExitCause::none;  ///< memory or limit: it has to be ended
};

class Limits {
 public:
  /// Chooses the mechanisms, and stores the limits where everybody reads them.
  Limits(const Runtime& runtime, Log& log);

  /// Brings the configuration's limits to where they are kept, for workers that run, too.
  void configure();

  /// Before a worker is started: makes its group, completes how it is started.
  /// Errors: in_use (what its predecessor has left does not die), system.
  Result<> prepare(std::uint32_t worker, SpawnOptions& options);

  /// A worker that runs already.
  void adopt(std::uint32_t worker, pid_t pid);

  LimitFinding look(std::uint32_t worker, pid_t pid);

  /// Who is to be ended, since all together use more than the runtime may. Nobody if they do not.
  std::optional<std::uint32_t> look_at_all(std::span<const MemoryUser> users);

  /// Kills whatever the worker has started, and itself.
  void kill_tree(std::uint32_t worker) const;

  /// True if the kernel has killed a process of it for its memory limit just now.
  [[nodiscard]] bool has_run_out_of_memory(std::uint32_t worker) const;

  /// Its process is gone.
  void forget(std::uint32_t worker);

  /// It is not started again: removes its group. True if there was one.
  bool discard(std::uint32_t worker) { return groups_.discard(worker); }

  /// The runtime ends: removes what was made for it.
  void remove() { groups_.remove(); }

 private:
  struct Watched {
    Watermark memory;
    std::uint64_t survived_kills = 0;  // of other processes in its group
    std::uint64_t seen_kills = 0;      // by the last look
    pid_t pid = 0;                     // 0: it does not run
    bool is_stuck = false;             // the last look found it at its limit of processes
  };

  [[nodiscard]] const LimitsConfig& config() const { return runtime_.config.limits; }

  [[nodiscard]] shm::LimitsRegion& words() const { return runtime_.segment.limits(); }

  [[nodiscard]] ResourceNeeds needs() const;
  [[nodiscard]] bool measures_memory() const;
  void set_limits(std::uint32_t worker);
  void tell_failure(std::string_view what, int error);
  void note_kills(std::uint32_t worker);
  [[nodiscard]] bool is_stuck_at_processes(std::uint32_t worker);

  const Runtime& runtime_;
  Log& log_;
  Groups groups_;
  std::vector<Watched> watched_;  // by worker
  bool has_told_failure_ = false;
};

/// Stores the rates where workers and clients read them.
void store_rates(const RatesConfig& rates, shm::LimitsRegion& limits) noexcept;

}  // namespace mabeam::supervisor

// Groups: the control groups of a runtime: one of its own, and in it one for each worker.
//
//      <the supervisor's group>/mabeam-<runtime>/worker-<index>      in each hierarchy that is used
//
// A group does up to three jobs, each in the hierarchy that can do it: limiting memory, limiting
// processes, killing all that is in it. With the second version alone these are one folder.
//
// The group of a worker is made anew for each incarnation, so what it has counted is of that one. A
// worker that outlives its supervisor stays in its group, wherever that is; what a dead supervisor
// has left in the others is killed before they are used again.
#pragma once

#include "shm/hierarchies.hpp"
#include "supervisor/limits/memory_files.hpp"

#include "mabeam/limits.hpp"
#include "mabeam/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mabeam::supervisor {

/// The folders of one group, by what they are for; empty: nothing there can do it.
struct GroupFolders {
  std::string memory;
  std::string processes;
  std::string kill;  ///< version 2: all that is in it dies by one write

  /// Each once.
  [[nodiscard]] std::vector<std::string> distinct() const;
};

class Groups {
 public:
  /// Nothing that can do anything.
  Groups() = default;

  /// Chooses what can do each job, the second version first, and makes the runtime's group there.
  /// `own`: the supervisor's groups.
  static Groups open(const shm::Hierarchies& own, const std::string& runtime);

  /// cgroup_v2, cgroup_v1 or none.
  [[nodiscard]] LimitMechanism memory_mechanism() const { return memory_mechanism_; }

  [[nodiscard]] LimitMechanism process_mechanism() const { return process_mechanism_; }

  /// Makes the worker's group anew, empty and without limits.
  /// Errors: in_use (what is in it does not die), system.
  Result<> renew(std::uint32_t worker);

  /// The files that the worker's process has to write "0" into to be in its groups.
  [[nodiscard]] std::vector<std::string> doors(std::uint32_t worker) const;

  /// Finds the group that a living worker is in; if that is none of this runtime's, puts it into
  /// one.
  void adopt(std::uint32_t worker, pid_t pid);
  /// The same, with the worker's groups known.
  void adopt(std::uint32_t worker, pid_t pid, const shm::Hierarchies& found);

  /// Removes the group of a worker that is not started again. True if there was one.
  bool discard(std::uint32_t worker);

  /// Kills all that is in the worker's group.
  void kill(std::uint32_t worker) const;
  [[nodiscard]] bool is_empty(std::uint32_t worker) const;

  /// 0: none. Each returns an errno, or 0.
  int limit_memory(std::uint32_t worker, std::uint64_t bytes) const;
  int limit_processes(std::uint32_t worker, std::uint64_t count) const;
  int limit_runtime_memory(std::uint64_t bytes) const;

  [[nodiscard]] std::optional<std::uint64_t> memory_used(std::uint32_t worker) const;
  /// Processes that the kernel killed for the memory limit since the group was made anew.
  [[nodiscard]] std::uint64_t memory_kills(std::uint32_t worker) const;
  [[nodiscard]] std::optional<std::uint64_t> processes(std::uint32_t worker) const;
  /// Processes that were refused for the limit since the group was made anew.
  [[nodiscard]] std::uint64_t refused_processes(std::uint32_t worker) const;

  /// Kills what is in all groups of the runtime, and removes them.
  void remove();

 private:
  struct Member {
    GroupFolders folders;
    std::uint64_t kills_before = 0;  // of an incarnation whose group could not be removed
    std::uint64_t refused_before = 0;
  };

  [[nodiscard]] GroupFolders folders_of(std::uint32_t worker) const;
  [[nodiscard]] const GroupFolders* find(std::uint32_t worker) const;
  [[nodiscard]] std::uint64_t count_kills(const GroupFolders& folders) const;
  int remove_worker_group(const std::string& folder) const;
  void open_unified(const std::string& own);
  void open_older(const shm::Hierarchies& own);

  std::string name_;      // "mabeam-<runtime>"
  GroupFolders runtime_;  // of the runtime's own group
  const MemoryFiles* memory_files_ = nullptr;
  LimitMechanism memory_mechanism_ = LimitMechanism::none;
  LimitMechanism process_mechanism_ = LimitMechanism::none;
  std::vector<Member> members_;  // by worker; empty if there are no groups at all
};

}  // namespace mabeam::supervisor

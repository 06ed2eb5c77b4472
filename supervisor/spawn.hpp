// Spawn: one worker process, by fork and exec.
//
// The child gets a session of its own, so that its whole process group can be killed and a
// terminal's signals do not reach it; default signals; /dev/null to read; standard output and error
// as ours; no other descriptor but one that it is given; the control groups and resource limits
// that it is given, so that not even its first page is outside of them; no new privileges
// (PR_SET_NO_NEW_PRIVS): nothing that it starts is more than it is. Everything that allocates
// happens before the fork: between fork and exec only async-signal-safe calls are made.
//
// What keeps the child from its exec travels through a pipe that the exec closes, so a program that
// cannot be run is told apart from one that ran and failed, and nobody waits for either.
#pragma once

#include "supervisor/descriptor.hpp"
#include "supervisor/limits/resource_limits.hpp"

#include "mabeam/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mabeam::supervisor {

/// What to run, and how.
struct SpawnOptions {
  std::string executable;
  std::vector<std::string> arguments = {};    ///< behind the program's own name
  std::vector<std::uint32_t> cpus = {};       ///< empty: as this process
  std::int32_t nice = 0;                      ///< 0: as this process
  std::vector<std::string> environment = {};  ///< "NAME=value": besides ours, and instead of it
  std::vector<std::string> groups = {};       ///< files to write "0" into
  std::vector<ResourceLimit> limits = {};
  int output = -1;  ///< where standard output and error go; -1: as ours
  int kept = -1;    ///< a descriptor that the child keeps under its number; -1: none
};

/// The last thing a child does before its exec that may be refused.
enum class SpawnStep : std::uint8_t { join_group, set_limit, set_nice, set_cpus, exec };

struct SpawnFailure {
  SpawnStep step{};
  std::int32_t os = 0;  ///< errno
};

/// A process that was started. Its exit is to be waited for by whoever has it.
struct Child {
  pid_t pid = 0;
  Descriptor pidfd;
  Descriptor report;  ///< says what kept the child from its exec
};

/// Errors: system (no process, no descriptor left, a group that cannot be joined).
Result<Child> spawn(const SpawnOptions& options);

/// What kept a dead child from its exec; nothing if it got there.
std::optional<SpawnFailure> read_report(const Descriptor& report);

/// "cannot run /usr/bin/mabeam-worker: No such file or directory": the failure, for a person.
std::string describe(SpawnFailure failure, const SpawnOptions& options);

/// Where the worker program is: `configured`, if it is not empty; beside this program's own file;
/// then in ../libexec/mabeam. If it is nowhere, the first place it should have been.
std::string find_worker(const std::string& configured);

}  // namespace mabeam::supervisor

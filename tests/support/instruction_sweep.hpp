// Dies after every single instruction of an operation: the child is single-stepped under ptrace,
// and what a death there would leave is recovered and examined, for every instruction.
//
// A process that is stopped has changed exactly what one killed there would have: so at each stop
// run_sweep() keeps a copy of the segment, lets a successor recover it, checks, puts the copy back
// and steps on. Nothing but the segment outlives a process: where an instruction has changed no
// byte of it (has_changed), the death after it is the death before it, and is not recovered again.
//
// run_kills() does it the long way, with a real SIGKILL after n instructions, for n spread over the
// operation; with count 0 for every n.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace mabeam::testing {

struct Sweep {
  std::function<void()> reset;                     ///< parent: the segment as it was
  std::function<void()> prepare;                   ///< child: attaches, before the first step
  std::function<void()> operation;                 ///< child: what is swept
  std::function<void()> save;                      ///< parent: keeps a copy of the segment
  std::function<void()> restore;                   ///< parent: puts it back
  std::function<std::string()> recover_and_check;  ///< parent: empty, or what is broken
  /// Parent: is the segment another than save() and restore() left it? None: it always is.
  std::function<bool()> has_changed = {};
  /// Parent: what others that live do or see between two steps. None: nothing.
  std::function<void()> meanwhile = {};
};

struct SweepOptions {
  std::uint64_t stride = 1;        ///< examines each n-th instruction
  std::uint64_t most_broken = 10;  ///< ends early at that many broken points
};

struct SweepResult {
  std::uint64_t kill_points = 0;
  std::uint64_t recovered = 0;
  std::uint64_t broken = 0;
  std::uint64_t distinct = 0;  ///< recoveries that were run: one for each state of the segment
  std::string first_broken;    ///< "after 812 instructions: ..."
  double seconds = 0;
};

/// Examines every instruction.
SweepResult run_sweep(const Sweep& sweep, const SweepOptions& options = {});

/// Kills for real at `count` points spread over `instructions`; 0: after every instruction.
SweepResult run_kills(const Sweep& sweep, std::uint64_t instructions, std::uint64_t count);

/// One line for people: "kill points 2104, recovered 2104, broken 0, 11.2 s".
std::string summary(const SweepResult& result);

}  // namespace mabeam::testing

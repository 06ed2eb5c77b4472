// Worker: one worker as its supervisor sees it: a slot in the segment, and at most one process.
//
// Fencing. A process owns the slot by having put its pid into the slot's claim, by a
// compare-exchange of the incarnation that its command line names. Before another one is started
// the claim is moved to the next incarnation, and only from a claim whose process is dead: a child
// that a dead supervisor never recorded can then claim nothing any more (pitfall 6.1).
//
// The words `process`, `heartbeat_ns`, `state` and `leaving` belong to whoever has claimed the
// slot. Between the fence and the fork nobody can, and the supervisor clears them: what is found in
// them later is of this incarnation.
#pragma once

#include "shm/breaker.hpp"
#include "shm/segment.hpp"
#include "supervisor/pidfd.hpp"
#include "supervisor/restart.hpp"
#include "supervisor/spawn.hpp"
#include "supervisor/watch.hpp"
#include "supervisor/worker_exit.hpp"
#include "supervisor/worker_output.hpp"
#include "supervisor/worker_state.hpp"

#include "mabeam/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace mabeam::supervisor {

class Worker {
 public:
  Worker(const shm::Segment& segment, std::uint32_t index) : segment_(&segment), index_(index) {}

  /// The process that has claimed the slot, if it lives, or is a child that nobody has waited for:
  /// a predecessor left it behind.
  [[nodiscard]] std::optional<shm::ProcessId> find_living() const;

  /// Moves the claim to the next incarnation, which is returned: nobody else can take the slot
  /// then. Errors: in_use (its process lives).
  Result<std::uint32_t> fence();

  /// Starts an incarnation. `options` are completed by the arguments that name it.
  /// `ran_out_of_memory` is of one that ended while nobody watched. Errors: in_use (the slot's
  /// process lives), system.
  Result<> start(SpawnOptions options, Time now, bool ran_out_of_memory = false);

  /// Takes over a process that a predecessor has started. It is a child if that was this very
  /// process, and may have died then. Errors: not_found (it is no child, and has died), system.
  Result<> adopt(shm::ProcessId process, Time now);

  /// It has ended for good under the supervisor before, in this process: it stays so. False: it has
  /// not.
  bool stay_ended() noexcept;

  /// True once, when the worker has said that it is ready.
  bool notice_ready(Time now);

  /// Brings the word to the worker and wakes it.
  void order(shm::Order order) noexcept;

  /// Sends the signal that is to end the process. `cause` says why: `asked` is the supervisor's own
  /// wish, for which no message is to blame.
  void condemn(ExitCause cause, int signal) noexcept;

  /// Kills the process and its whole group.
  void kill_group() noexcept;

  /// What became of the process, once it is gone; its group is killed, its descriptors are closed.
  /// Nothing if it lives. `ran_out_of_memory`: the kernel says that it killed for a memory limit.
  /// `seen_unix_ns`: when its end was seen.
  std::optional<WorkerExit> reap(bool ran_out_of_memory, std::int64_t seen_unix_ns);

  /// What kept the last process from running the worker's program; nothing if it ran.
  [[nodiscard]] const std::string& start_failure() const { return start_failure_; }

  /// Moves on to the next state, which has no deadline yet; false if the event cannot happen in
  /// this one.
  bool apply(WorkerEvent event) noexcept;

  [[nodiscard]] std::uint32_t index() const { return index_; }

  [[nodiscard]] WorkerState state() const { return state_; }

  [[nodiscard]] bool has_process() const { return static_cast<bool>(pidfd_); }

  /// The process is gone and wants to be reaped.
  [[nodiscard]] bool has_ended() const { return has_process() && is_gone(pidfd_); }

  /// Its exit status is ours to get; not so of an adopted one.
  [[nodiscard]] bool is_child() const { return is_child_; }

  [[nodiscard]] pid_t pid() const { return pid_; }

  [[nodiscard]] std::uint32_t incarnation() const { return incarnation_; }

  [[nodiscard]] int fd() const { return pidfd_.get(); }

  [[nodiscard]] bool was_ready() const { return was_ready_; }

  [[nodiscard]] Time started() const { return started_; }

  [[nodiscard]] shm::WorkerSlot& slot() const { return segment_->worker(index_); }

  [[nodiscard]] Time heartbeat() const;
  void count_restart() noexcept;

  /// Lets other workers take the shards of a process that is gone: nobody can claim the slot as it.
  void release() noexcept { (void)fence(); }

  /// The breaker of this slot, whatever incarnation is in it.
  [[nodiscard]] shm::Breaker breaker() const {
    return shm::Breaker{segment_->breaker_of_worker(index_)};
  }

  Watch watch;               ///< what is heard of it
  WorkerOutput output;       ///< what it prints
  RestartPlan plan;          ///< when it is restarted
  Time deadline = kNever;    ///< when its state is to be looked at again
  bool is_held = false;      ///< silent, and in a debugger's hands
  std::uint32_t kills = 0;   ///< SIGKILLs that were sent to it
  bool is_on_trial = false;  ///< its next process is to show whether it is well again
  bool is_member = true;  ///< shards may be placed on it: it has been ready, or was there at first
  std::optional<std::uint64_t> trial_base;  ///< messages of its shard when its trial began

 private:
  void note_unseen_end(bool ran_out_of_memory) noexcept;
  [[nodiscard]] bool names_this_slot(pid_t pid, std::uint32_t incarnation) const;
  [[nodiscard]] std::optional<ChildStatus> wait_for_child() const noexcept;

  const shm::Segment* segment_;
  std::uint32_t index_;
  WorkerState state_ = WorkerState::stopped;
  std::uint32_t incarnation_ = 0;
  pid_t pid_ = 0;
  Descriptor pidfd_;
  Descriptor report_;
  SpawnOptions options_;
  std::string start_failure_;
  Time started_{0};
  ExitCause condemned_ = ExitCause::none;
  bool is_child_ = false;
  bool was_ready_ = false;
};

}  // namespace mabeam::supervisor

#include "supervisor/worker.hpp"

#include "shm/clock.hpp"
#include "shm/doorbell.hpp"
#include "shm/process.hpp"
#include "supervisor/strays.hpp"

#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/wait.h>

namespace mabeam::supervisor {
namespace {

/// The arguments of a process, each ended by a zero byte; two of them stand in front.
std::string arguments_of(pid_t pid) {
  return std::string{'\0'} + shm::read_proc(pid, "cmdline");
}

/// True for a child of this process, dead or alive, that was not waited for.
bool is_own_child(pid_t pid) noexcept {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool has_option(const std::string& arguments, const std::string& name, const std::string& value) {
  const std::string text = '\0' + name + '\0' + value + '\0';
  return arguments.find(text) != std::string::npos;
}

}  // namespace

bool Worker::names_this_slot(pid_t pid, std::uint32_t incarnation) const {
  const std::string arguments = arguments_of(pid);
  return has_option(arguments, "--name", std::string{segment_->name()}) &&
         has_option(arguments, "--worker", std::to_string(index_)) &&
         has_option(arguments, "--incarnation", std::to_string(incarnation));
}

// A claim names a pid only; who has it is told by `process`, or, in the moment before a worker has
// written that, by its command line.
std::optional<shm::ProcessId> Worker::find_living() const {
  const auto claim = shm::Claim::unpack(slot().claim.load(std::memory_order_acquire));
  if (claim.pid <= 1) return std::nullopt;
  const shm::ProcessId written{slot().process.load(std::memory_order_acquire)};
  const auto pid = static_cast<pid_t>(claim.pid);
  if (written.pid() == claim.pid && written) {
    const bool is_there =
        shm::is_alive(written) || (is_own_child(pid) && shm::remains_of(pid) == written);
    return is_there ? std::optional{written} : std::nullopt;
  }
  const auto found = shm::process_of(pid);
  if (!found && shm::is_unreadable(pid)) return shm::ProcessId::of(claim.pid, 0);  // who knows
  return found && names_this_slot(pid, claim.incarnation) ? found : std::nullopt;
}

Result<std::uint32_t> Worker::fence() {
  for (;;) {
    std::uint64_t seen = slot().claim.load(std::memory_order_acquire);
    if (find_living()) return fail(Errc::in_use);
    const shm::Claim next{shm::Claim::unpack(seen).incarnation + 1, 0};
    if (slot().claim.compare_exchange_strong(seen, next.pack(), std::memory_order_acq_rel)) {
      return next.incarnation;
    }
  }
}

// One that died while no supervisor watched: as the last one left it, it runs.
void Worker::note_unseen_end(bool ran_out_of_memory) noexcept {
  const std::uint32_t told = slot().supervised_state.load(std::memory_order_acquire);
  if (told >= kWorkerStates || !supervisor::has_process(static_cast<WorkerState>(told))) return;
  record_exit(classify_exit({.leaving = slot().leaving.load(std::memory_order_acquire),
                             .ran_out_of_memory = ran_out_of_memory}),
              shm::unix_ns(), slot());
}

// It is given the segment: who removes the segment's name must not keep it from being started
// again.
Result<> Worker::start(SpawnOptions options, Time now, bool ran_out_of_memory) {
  const Result<int> opened = segment_->open_again();
  if (!opened) return fail(opened.error());
  const Descriptor segment{*opened};
  const Result<std::uint32_t> incarnation = fence();
  if (!incarnation) return fail(incarnation.error());
  note_unseen_end(ran_out_of_memory);
  slot().process.store(0, std::memory_order_relaxed);
  slot().heartbeat_ns.store(0, std::memory_order_relaxed);
  slot().state.store(0, std::memory_order_relaxed);
  slot().leaving.store(0, std::memory_order_relaxed);
  slot().order.store(static_cast<std::uint32_t>(shm::Order::run), std::memory_order_release);
  options_ = std::move(options);
  options_.arguments.insert(
      options_.arguments.end(),
      {"--name", std::string{segment_->name()}, "--worker", std::to_string(index_), "--incarnation",
       std::to_string(*incarnation), "--segment", std::to_string(segment.get())});
  options_.kept = segment.get();
  options_.environment = {started_by_text(segment_->name(), {index_, *incarnation})};
  Result<Child> child = spawn(options_);
  if (!child) return fail(child.error());
  incarnation_ = *incarnation;
  pid_ = child->pid;
  pidfd_ = std::move(child->pidfd);
  report_ = std::move(child->report);
  started_ = now;
  condemned_ = ExitCause::none;
  is_child_ = true;
  was_ready_ = false;
  watch.begin(now);
  slot().started_ns.store(static_cast<std::uint64_t>(now.count()), std::memory_order_relaxed);
  trial_base.reset();
  apply(is_on_trial ? WorkerEvent::on_trial : WorkerEvent::spawned);
  return {};
}

Result<> Worker::adopt(shm::ProcessId process, Time now) {
  const auto pid = static_cast<pid_t>(process.pid());
  const bool is_child = is_own_child(pid);
  Result<Descriptor> pidfd = is_child ? open_pidfd(pid) : open_process(process);
  if (!pidfd) return fail(pidfd.error());
  incarnation_ = shm::Claim::unpack(slot().claim.load(std::memory_order_acquire)).incarnation;
  pid_ = pid;
  pidfd_ = std::move(*pidfd);
  started_ = now;
  condemned_ = ExitCause::none;
  is_child_ = is_child;
  was_ready_ = false;
  watch.begin(now);
  trial_base.reset();
  apply(is_on_trial ? WorkerEvent::on_trial : WorkerEvent::spawned);
  return {};
}

bool Worker::stay_ended() noexcept {
  const auto told =
      static_cast<WorkerState>(slot().supervised_state.load(std::memory_order_acquire));
  if (told != WorkerState::stopped && told != WorkerState::failed) return false;
  state_ = told;
  return true;
}

// An adopted worker may say `draining`, since it has missed its supervisor; it goes on now.
bool Worker::notice_ready(Time now) {
  if (was_ready_ || !has_process()) return false;
  const shm::ProcessId process{slot().process.load(std::memory_order_acquire)};
  const auto said = static_cast<WorkerState>(slot().state.load(std::memory_order_acquire));
  const bool is_ready = said == WorkerState::ready || (!is_child_ && said == WorkerState::draining);
  if (process.pid() != static_cast<std::uint32_t>(pid_) || !is_ready) return false;
  was_ready_ = true;
  report_.reset();  // it has run, so there is nothing to report
  watch.begin(now);
  return apply(WorkerEvent::is_ready);
}

void Worker::order(shm::Order order) noexcept {
  slot().order.store(static_cast<std::uint32_t>(order), std::memory_order_release);
  shm::ring_bell(slot().doorbell);
}

void Worker::condemn(ExitCause cause, int signal) noexcept {
  if (!has_process()) return;
  condemned_ = cause;
  kills = 0;
  // Before the signal: whoever adopts the shards must find it (shm/turn.hpp, the witness).
  if (cause == ExitCause::asked) slot().planned_end.store(incarnation_, std::memory_order_release);
  send_signal(pidfd_, signal);
  send_signal(pidfd_, SIGCONT);  // a stopped process acts on no signal but SIGKILL
}

// While the process is there, even as a zombie, its number is nobody else's.
void Worker::kill_group() noexcept {
  if (!has_process()) return;
  ++kills;
  ::kill(-pid_, SIGKILL);
  send_signal(pidfd_, SIGKILL);
}

std::optional<ChildStatus> Worker::wait_for_child() const noexcept {
  siginfo_t info{};
  const auto id = static_cast<id_t>(pidfd_.get());
  if (::waitid(P_PIDFD, id, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return std::nullopt;
  return ChildStatus{info.si_code != CLD_EXITED, info.si_status};
}

// The group dies with its leader: what a handler has forked and left behind does not map the
// segment (MADV_DONTFORK), but would go on all the same. A child's number is ours until it is
// waited for; an adopted worker's may be given away at once, so its group is left alone if somebody
// has it.
std::optional<WorkerExit> Worker::reap(bool ran_out_of_memory, std::int64_t seen_unix_ns) {
  if (!has_process() || !is_gone(pidfd_)) return std::nullopt;
  if (is_child_ || !shm::process_of(pid_)) ::kill(-pid_, SIGKILL);
  ExitEvidence evidence;
  if (is_child_) evidence.status = wait_for_child();
  evidence.leaving = slot().leaving.load(std::memory_order_acquire);
  evidence.condemned = condemned_;
  evidence.ran_out_of_memory = ran_out_of_memory;
  evidence.was_ordered =
      slot().order.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(shm::Order::run);
  start_failure_.clear();
  if (report_) {
    if (const auto failure = read_report(report_)) start_failure_ = describe(*failure, options_);
  }
  const WorkerExit exit = classify_exit(evidence);
  if (exit.cause == ExitCause::asked) {
    slot().planned_end.store(incarnation_, std::memory_order_release);
  }
  record_exit(exit, seen_unix_ns, slot());
  pidfd_.reset();
  report_.reset();
  return exit;
}

bool Worker::apply(WorkerEvent event) noexcept {
  const auto next = next_state(state_, event);
  if (!next) return false;
  if (*next != state_) deadline = kNever;
  state_ = *next;
  slot().supervised_state.store(static_cast<std::uint32_t>(state_), std::memory_order_release);
  return true;
}

Time Worker::heartbeat() const {
  const std::uint64_t ns = slot().heartbeat_ns.load(std::memory_order_relaxed);
  return Time{static_cast<std::int64_t>(ns)};
}

void Worker::count_restart() noexcept {
  const std::uint64_t restarts = slot().restarts.load(std::memory_order_relaxed);
  slot().restarts.store(restarts + 1, std::memory_order_relaxed);
}

}  // namespace mabeam::supervisor

// Workers between their start and their end: who is ready, who is silent, what is due.
#include "supervisor/workers.hpp"

#include <algorithm>
#include <csignal>

namespace mabeam::supervisor {
namespace {

/// From a signal that asks a process to end to SIGKILL.
constexpr Time kLastChance = std::chrono::seconds{1};

}  // namespace

void Workers::look(Time now) {
  for (Worker& worker : workers_)
    notice_ready(worker, now);
}

void Workers::scan(Time now, Time lag) {
  for (Worker& worker : workers_) {
    if (!worker.has_process()) continue;
    resume_output(worker, now);
    end_one(worker, now);  // its event may have been missed: there was no memory to watch it
    notice_ready(worker, now);
    listen(worker, now, lag);
    look_at_trial(worker);
  }
  look_at_rollout(now);
  enforce_limits(now);
  rebalance(now);
}

void Workers::notice_ready(Worker& worker, Time now) {
  if (!worker.notice_ready(now)) return;
  intensity_.forget();
  log_.info("worker ready", {{"worker", worker.index()},
                             {"pid", worker.pid()},
                             {"incarnation", worker.incarnation()},
                             {"ms", milliseconds(now - worker.started())}});
  worker.is_member = true;
  if (worker.state() == WorkerState::half_open) begin_trial(worker, now);
  place_shards();
  const bool has_settings =
      rollout_ && rollout_->current() == worker.index() && worker.state() != WorkerState::stopping;
  if (has_settings) advance_rollout(now);
}

void Workers::listen(Worker& worker, Time now, Time lag) {
  if (!worker.has_process()) return;
  worker.watch.forgive(lag, now);
  worker.watch.hear(worker.heartbeat(), now);
  if (worker.state() == WorkerState::starting && worker.deadline != kNever) worker.deadline += lag;
  // One that hangs when it shall leave would keep its shards from the others, and nobody be blamed.
  const bool has_begun =
      worker.state() == WorkerState::half_open || worker.state() == WorkerState::stopping;
  const bool is_to_beat = supervisor::is_serving(worker.state()) ||
                          worker.state() == WorkerState::draining ||
                          (has_begun && worker.was_ready());
  if (!is_to_beat) return;
  switch (worker.watch.judge(now, runtime_.config.worker.heartbeat_timeout)) {
    case Hearing::fresh:
      if (worker.state() != WorkerState::suspect) break;
      worker.apply(WorkerEvent::was_heard);
      worker.is_held = false;
      log_.info("worker is heard again", {{"worker", worker.index()}, {"pid", worker.pid()}});
      break;
    case Hearing::suspect:
      suspect(worker, now);
      break;
    case Hearing::hung:
      suspect(worker, now);
      if (!is_held(worker)) condemn(worker, ExitCause::hang, now);
      break;
  }
}

void Workers::suspect(Worker& worker, Time now) {
  if (worker.state() != WorkerState::ready && worker.state() != WorkerState::degraded) return;
  worker.apply(WorkerEvent::fell_silent);
  log_.warn("worker is silent", {{"worker", worker.index()},
                                 {"pid", worker.pid()},
                                 {"seconds", seconds(worker.watch.silence(now))}});
}

bool Workers::is_held(Worker& worker) {
  const bool is_held = is_traced(worker.pid());
  if (is_held && !worker.is_held) {
    log_.info("worker is in a debugger's hands and is left alone",
              {{"worker", worker.index()}, {"pid", worker.pid()}});
  }
  worker.is_held = is_held;
  return is_held;
}

// SIGABRT first: it leaves a core, or a backtrace, that tells where the worker was.
void Workers::condemn(Worker& worker, ExitCause cause, Time now) {
  log_.warn("worker is killed", {{"worker", worker.index()},
                                 {"pid", worker.pid()},
                                 {"cause", to_string(cause)},
                                 {"silent_seconds", seconds(worker.watch.silence(now))}});
  worker.condemn(cause, SIGABRT);
  worker.apply(WorkerEvent::kill);
  worker.deadline = now + kLastChance;
}

void Workers::end_slow(std::uint32_t index, Time now) {
  for (Worker& worker : workers_) {
    const WorkerState state = worker.state();
    const bool serves = state == WorkerState::ready || state == WorkerState::degraded ||
                        state == WorkerState::suspect;
    if (worker.index() == index && serves && !is_held(worker)) {
      condemn(worker, ExitCause::hang, now);
    }
  }
}

void Workers::check_deadlines(Time now) {
  start_together(now);
  for (Worker& worker : workers_) {
    if (worker.deadline <= now) on_deadline(worker, now);
  }
}

Time Workers::next_deadline() const {
  Time next = joint_.due().value_or(kNever);
  for (const Worker& worker : workers_)
    next = std::min(next, worker.deadline);
  return next;
}

void Workers::on_deadline(Worker& worker, Time now) {
  worker.deadline = kNever;
  switch (worker.state()) {
    case WorkerState::backoff:
      if (joint_.has(worker.index())) break;  // it is started with the others
      worker.count_restart();
      run_one(worker, now);
      break;
    case WorkerState::open:
      try_open(worker, now);
      break;
    case WorkerState::half_open:
      if (worker.was_ready()) {
        prove(worker);
        break;
      }
      [[fallthrough]];
    case WorkerState::starting:
      if (is_held(worker)) {
        worker.deadline = now + kLastChance;
      } else {
        condemn(worker, ExitCause::not_ready, now);
      }
      break;
    case WorkerState::draining:
      log_.warn("worker has not drained in time",
                {{"worker", worker.index()}, {"pid", worker.pid()}});
      worker.condemn(ExitCause::asked, SIGTERM);
      worker.apply(WorkerEvent::stop);
      worker.deadline = now + kLastChance;
      break;
    case WorkerState::stopping:
      worker.condemn(ExitCause::asked, SIGKILL);
      worker.apply(WorkerEvent::kill);
      [[fallthrough]];
    case WorkerState::killing:
      if (worker.kills != 0) {
        log_.warn("worker does not die: the kernel holds it",
                  {{"worker", worker.index()}, {"pid", worker.pid()}});
      }
      worker.kill_group();
      limits_.kill_tree(worker.index());
      worker.deadline = now + kKillAgain;
      break;
    default:
      break;
  }
}

void Workers::drain(Time now) {
  is_ending_ = true;
  const Time timeout = runtime_.config.worker.shutdown_timeout;
  for (Worker& worker : workers_) {
    if (worker.has_process()) worker.order(shm::Order::drain);
    worker.apply(WorkerEvent::drain);
    if (worker.state() == WorkerState::draining && timeout != Time{0}) {
      worker.deadline = now + timeout;
    }
  }
}

void Workers::stop(Time now) {
  is_ending_ = true;
  for (Worker& worker : workers_) {
    if (worker.has_process()) worker.order(shm::Order::stop);
    worker.apply(WorkerEvent::stop);
    if (worker.state() == WorkerState::stopping) worker.deadline = now + kLastChance;
  }
}

void Workers::kill(Time now) {
  is_ending_ = true;
  for (Worker& worker : workers_) {
    worker.condemn(ExitCause::asked, SIGKILL);
    worker.kill_group();
    worker.apply(WorkerEvent::kill);
    if (worker.has_process()) worker.deadline = now + kKillAgain;
  }
}

}  // namespace mabeam::supervisor

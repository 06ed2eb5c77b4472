// Workers as somebody wants them: one restarted, all of them one by one, more of them, fewer.
#include "supervisor/workers.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace mabeam::supervisor {
namespace {

Said refused(std::string reason) {
  return {shm::ControlVerdict::refused, std::move(reason)};
}

Said busy(std::string reason) {
  return {shm::ControlVerdict::busy, std::move(reason)};
}

constexpr const char* kRolling = "workers are being restarted one by one; try again when they are";
constexpr const char* kEnding = "the runtime is being stopped";

}  // namespace

// It leaves after its turn. What it is in the middle of has as long as any stop, and no blame; but
// a hang is a hang (listen()).
void Workers::restart_planned(Worker& worker, Time now) {
  const Time timeout = runtime_.config.worker.shutdown_timeout;
  worker.order(shm::Order::stop);
  if (worker.apply(WorkerEvent::stop) && timeout != Time{0}) worker.deadline = now + timeout;
}

Said Workers::restart(std::uint32_t index, Time now) {
  if (is_ending_) return busy(kEnding);
  if (rollout_) return busy(kRolling);
  if (index >= wanted_) {
    return refused("there is no worker " + std::to_string(index) + "; they are 0 to " +
                   std::to_string(wanted_ - 1));
  }
  Worker& worker = workers_[index];
  const std::string name = "worker " + std::to_string(index);
  switch (worker.state()) {
    case WorkerState::ready:
    case WorkerState::degraded:
    case WorkerState::suspect:
    case WorkerState::half_open:
      log_.info("worker is restarted as ordered",
                {{"worker", worker.index()}, {"pid", worker.pid()}});
      restart_planned(worker, now);
      return {};
    case WorkerState::backoff:
      on_deadline(worker, now);
      return {};
    case WorkerState::open:
      return refused(name +
                     "'s circuit breaker is open; close it with: mabeam breakers close "
                     "worker:" +
                     std::to_string(index));
    case WorkerState::failed:
    case WorkerState::stopped:
      log_.info("worker is started again as ordered", {{"worker", worker.index()}});
      begin_again(worker, now);
      return {};
    default:
      return busy(name + " is " + std::string(to_string(worker.state())) + "; try again");
  }
}

// As a new one: shards come to it when it is ready, and no trial is on.
void Workers::begin_again(Worker& worker, Time now) {
  worker.is_member = false;
  worker.is_on_trial = false;
  worker.breaker().reset();
  worker.count_restart();
  run_one(worker, now);
  const bool has_failed = std::any_of(workers_.begin(), workers_.end(), [](const Worker& each) {
    return each.state() == WorkerState::failed;
  });
  if (!has_failed) final_code_.reset();
}

void Workers::roll(Time now) {
  std::vector<std::uint32_t> order;
  for (const Worker& worker : workers_) {
    const bool has_ended =
        worker.state() == WorkerState::stopped || worker.state() == WorkerState::failed;
    if (!is_retired(worker) && !has_ended) order.push_back(worker.index());
  }
  rollout_.emplace(std::move(order), std::exchange(settings_, runtime_.config.worker));
  advance_rollout(now);
}

void Workers::advance_rollout(Time now) {
  while (const auto next = rollout_->next()) {
    Worker& worker = workers_[*next];
    switch (worker.state()) {
      case WorkerState::backoff:
        on_deadline(worker, now);
        return;
      case WorkerState::killing:
      case WorkerState::draining:
      case WorkerState::stopping:
        return;  // it is started again with them anyway
      case WorkerState::open:
      case WorkerState::stopped:
      case WorkerState::failed:
        break;
      default:
        restart_planned(worker, now);
        return;
    }
  }
  log_.info(rollout_->is_going_back() ? "workers have their old settings again"
                                      : "workers have their new settings");
  rollout_.reset();
}

// The one that is waited for may have ended for good, or have opened its breaker.
void Workers::look_at_rollout(Time now) {
  if (!rollout_ || is_ending_) return;
  const auto current = rollout_->current();
  if (!current) return;
  const WorkerState state = workers_[*current].state();
  if (state == WorkerState::open || state == WorkerState::stopped || state == WorkerState::failed) {
    advance_rollout(now);
  }
}

bool Workers::goes_back(const Worker& worker) {
  const bool has_failed = rollout_ && rollout_->current() == worker.index() &&
                          !worker.was_ready() && !rollout_->is_going_back();
  if (!has_failed) return false;
  log_.error("a worker cannot be started with its new settings; the old ones come back",
             {{"worker", worker.index()}});
  settings_ = rollout_->before();
  old_settings_ = settings_;
  rollout_->go_back();
  return true;
}

bool Workers::is_settled() const {
  return !rollout_ && joint_.is_empty() &&
         std::none_of(workers_.begin(), workers_.end(),
                      [](const Worker& worker) { return is_being_ended(worker.state()); });
}

Said Workers::scale(std::uint32_t count, Time now) {
  if (is_ending_) return busy(kEnding);
  if (rollout_) return busy(kRolling);
  if (count < 1 || count > shm::kMaxWorkers) {
    return refused("a runtime has 1 to " + std::to_string(shm::kMaxWorkers) + " workers");
  }
  const auto left = std::span{workers_}.first(std::min<std::size_t>(count, workers_.size()));
  const bool can_serve = std::any_of(left.begin(), left.end(), [](const Worker& worker) {
    return supervisor::is_serving(worker.state());
  });
  if (count < wanted_ && !can_serve) {
    return busy("none of the workers that would be left is ready; see 'mabeam ps'");
  }
  const std::uint32_t before = std::exchange(wanted_, count);
  runtime_.segment.header().workers.store(count, std::memory_order_relaxed);
  while (workers_.size() < count) {
    workers_.emplace_back(runtime_.segment, static_cast<std::uint32_t>(workers_.size()));
  }
  for (std::uint32_t index = before; index < count; ++index) {
    Worker& worker = workers_[index];
    worker.is_member = false;
    worker.is_on_trial = false;
    worker.breaker().reset();
    if (worker.state() == WorkerState::stopped) run_one(worker, now);
  }
  place_shards();
  for (std::uint32_t index = count; index < before; ++index)
    retire(workers_[index], now);
  if (before != count) log_.info("workers scaled", {{"from", before}, {"to", count}});
  return {};
}

void Workers::retire(Worker& worker, Time now) {
  if (has_process(worker.state())) {
    restart_planned(worker, now);
    return;
  }
  worker.apply(WorkerEvent::stop);
  joint_.forget(worker.index());
  worker.release();
  announce_placement(runtime_.segment);
}

}  // namespace mabeam::supervisor

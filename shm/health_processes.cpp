// Health of what runs: supervisor, workers, shards.
#include "shm/breaker.hpp"
#include "shm/health.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mabeam::shm {
namespace {

using Status = HealthView::Status;

std::string seconds(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", value);
  return text.data();
}

const WorkerView* worker_at(const RuntimeView& runtime, std::uint32_t index) {
  const auto found = std::find_if(runtime.workers.begin(), runtime.workers.end(),
                                  [&](const WorkerView& worker) { return worker.index == index; });
  return found == runtime.workers.end() ? nullptr : &*found;
}

}  // namespace

Verdict judge_state(RuntimeState state) {
  switch (state) {
    case RuntimeState::running:
      return {Status::healthy, "running"};
    case RuntimeState::building:
      return {Status::degraded, "starting: not all workers are ready"};
    case RuntimeState::draining:
      return {Status::degraded, "draining: it is about to stop"};
    case RuntimeState::stopped:
      return {Status::down, "stopped; its segment was kept"};
    case RuntimeState::removed:
      return {Status::down, "removed"};
  }
  return {Status::down, "its state is " + std::to_string(static_cast<std::uint32_t>(state)) +
                            ", which means nothing: run verify"};
}

Verdict judge_supervisor(const RuntimeView& runtime, bool is_live, bool sees_processes) {
  if (!is_live) return {Status::down, "a copy of a segment has no processes"};
  const double silent = runtime.supervisor_heartbeat_age_seconds;
  const bool is_run = runtime.state == RuntimeState::building ||
                      runtime.state == RuntimeState::running ||
                      runtime.state == RuntimeState::draining;
  if (is_run && (runtime.supervisor_pid || !sees_processes) && silent > kSupervisorLateSeconds) {
    return {silent > kSupervisorHungSeconds ? Status::down : Status::degraded,
            "no heartbeat for " + seconds(silent) +
                ": it hangs or is stopped, and restarts nobody; kill it, and start its successor"};
  }
  if (runtime.supervisor_pid)
    return {Status::healthy, "pid " + std::to_string(*runtime.supervisor_pid)};
  if (!sees_processes) {
    return {Status::degraded,
            "runs in another pid namespace: its processes cannot be seen from here"};
  }
  return {Status::down, "no supervisor: nobody restarts workers; start one with the same name"};
}

Verdict judge_name(const Segment& segment) {
  const std::string path = path_of_segment(segment.name());
  if (segment.is_named()) return {Status::healthy, path};
  return {Status::degraded,
          path +
              " is gone or another's: nobody else can attach, and what is in the segment ends "
              "with its supervisor"};
}

Verdict judge_worker(const WorkerView& worker, std::uint64_t heartbeat_timeout_ns,
                     bool sees_processes) {
  const std::string state{to_string(worker.state)};
  switch (worker.state) {
    case WorkerState::ready:
      break;
    case WorkerState::failed:
      return {Status::down, "failed: it is not started again"};
    case WorkerState::stopped:
      if (worker.shards.empty()) return {Status::healthy, "stopped; it hosts no shard"};
      return {Status::degraded, "stopped, with " + plural(worker.shards.size(), "shard")};
    case WorkerState::backoff:
      return {Status::degraded,
              "waits before its next start; restarts so far: " + std::to_string(worker.restarts)};
    case WorkerState::open:
      return {Status::degraded,
              worker.is_breaker_forced
                  ? "its circuit breaker is held open; `mabeam breakers` lets it go"
                  : "its circuit breaker is open: it has failed too often; it is tried again"};
    case WorkerState::half_open:
      return {Status::degraded, "on trial after its circuit breaker was open"};
    case WorkerState::degraded:
      return {Status::degraded, "degraded: over its soft memory limit, it takes no new agents"};
    case WorkerState::suspect:
      return {Status::degraded, "no heartbeat for " + seconds(worker.heartbeat_age_seconds) +
                                    "; it is killed after " +
                                    seconds(static_cast<double>(heartbeat_timeout_ns) / 1e9)};
    case WorkerState::starting:
    case WorkerState::killing:
    case WorkerState::draining:
    case WorkerState::stopping:
      return {Status::degraded, state};
    default:
      return {Status::degraded, "its state is " +
                                    std::to_string(static_cast<std::uint32_t>(worker.state)) +
                                    ", which means nothing: run verify"};
  }
  if (!sees_processes) return {Status::healthy, "ready when last seen"};
  if (!worker.pid) return {Status::degraded, "ready when last seen, but its process is gone"};
  const double patience = static_cast<double>(heartbeat_timeout_ns) / 5e9;
  if (heartbeat_timeout_ns != 0 && worker.heartbeat_age_seconds > patience) {
    return {Status::degraded, "no heartbeat for " + seconds(worker.heartbeat_age_seconds)};
  }
  return {Status::healthy, "ready, pid " + std::to_string(*worker.pid)};
}

Verdict judge_shard(const Segment& segment, std::uint32_t shard, const RuntimeView& runtime,
                    bool sees_processes) {
  const EndpointSlot& slot = segment.endpoint(Segment::endpoint_of_shard(shard));
  if (slot.parked.load(std::memory_order_acquire) != 0) {
    return {Status::down, "parked: its redo list failed its check; run verify"};
  }
  const Incarnation owner{slot.owner.load(std::memory_order_acquire)};
  if (!owner) {
    const std::uint64_t placement = slot.placement.load(std::memory_order_acquire);
    if (placement == 0) return {Status::down, "nobody runs it, and it is placed nowhere"};
    return {Status::degraded,
            "nobody runs it yet; it is placed on worker " + std::to_string(placement - 1)};
  }
  if (owner.worker() >= kMaxWorkers) {
    return {Status::down, "its owner is no worker: run verify"};
  }
  const auto claim =
      Claim::unpack(segment.worker(owner.worker()).claim.load(std::memory_order_acquire));
  const WorkerView* worker = worker_at(runtime, owner.worker());
  const bool is_gone = claim.incarnation != owner.number() || claim.pid == 0 ||
                       (sees_processes && (worker == nullptr || !worker->pid));
  if (is_gone) {
    return {Status::degraded, "its owner, worker " + std::to_string(owner.worker()) +
                                  ", is gone; its messages wait for the next one"};
  }
  const BreakerWord breaker = Breaker{segment.breaker_of_shard(shard)}.word();
  if (Breaker::acting(breaker) == BreakerState::open) {
    return {
        Status::degraded,
        breaker.mode == BreakerMode::forced_open
            ? "calls are refused: its circuit breaker is held open; `mabeam breakers` lets it go"
            : "calls are refused: its circuit breaker is open, since too many had no answer"};
  }
  return {Status::healthy, "on worker " + std::to_string(owner.worker())};
}

}  // namespace mabeam::shm

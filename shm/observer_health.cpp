// The view of the runtime's health: one component a process, a shard and a kind of trouble, each
// with the reason in words. The whole is as well as its worst part.
#include "shm/observer_impl.hpp"
#include "shm/snapshots.hpp"
#include "shm/spsc_ring.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace mabeam {
namespace {

using shm::Segment;
using Status = HealthView::Status;

/// A ring or a table is in trouble from here on, in percent of its capacity.
constexpr std::uint64_t kNearlyFull = 90;

/// What is wrong with something, or that nothing is.
struct Verdict {
  Status status = Status::healthy;
  std::string detail;
};

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::string plural(std::uint64_t count, const std::string& noun) {
  return number(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string seconds(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", value);
  return text.data();
}

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
  return {Status::down, "its state is " + number(static_cast<std::uint32_t>(state)) +
                            ", which means nothing: run verify"};
}

Verdict judge_supervisor(const RuntimeView& runtime, bool is_live, bool sees_processes) {
  if (runtime.supervisor_pid) return {Status::healthy, "pid " + number(*runtime.supervisor_pid)};
  if (!is_live) return {Status::down, "a copy of a segment has no processes"};
  if (!sees_processes) {
    return {Status::degraded,
            "runs in another pid namespace: its processes cannot be seen from here"};
  }
  return {Status::down, "no supervisor: nobody restarts workers; start one with the same name"};
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
              "waits before its next start; restarts so far: " + number(worker.restarts)};
    case WorkerState::open:
      return {Status::degraded,
              worker.is_breaker_forced
                  ? "its circuit breaker is held open; `mabeam breakers` lets it go"
                  : "its circuit breaker is open: it has failed too often; it is tried again"};
    case WorkerState::half_open:
      return {Status::degraded, "on trial after its circuit breaker was open"};
    case WorkerState::degraded:
      return {Status::degraded, "degraded: over its soft memory limit, it takes no new agents"};
    case WorkerState::starting:
    case WorkerState::suspect:
    case WorkerState::killing:
    case WorkerState::draining:
    case WorkerState::stopping:
      return {Status::degraded, state};
    default:
      return {Status::degraded, "its state is " + number(static_cast<std::uint32_t>(worker.state)) +
                                    ", which means nothing: run verify"};
  }
  if (!sees_processes) return {Status::healthy, "ready when last seen"};
  if (!worker.pid) return {Status::degraded, "ready when last seen, but its process is gone"};
  const double patience = static_cast<double>(heartbeat_timeout_ns) / 5e9;
  if (heartbeat_timeout_ns != 0 && worker.heartbeat_age_seconds > patience) {
    return {Status::degraded, "no heartbeat for " + seconds(worker.heartbeat_age_seconds)};
  }
  return {Status::healthy, "ready, pid " + number(*worker.pid)};
}

const WorkerView* worker_at(const RuntimeView& runtime, std::uint32_t index) {
  const auto found = std::find_if(runtime.workers.begin(), runtime.workers.end(),
                                  [&](const WorkerView& worker) { return worker.index == index; });
  return found == runtime.workers.end() ? nullptr : &*found;
}

Verdict judge_shard(const Segment& segment, std::uint32_t shard, const RuntimeView& runtime,
                    bool sees_processes) {
  const shm::EndpointSlot& slot = segment.endpoint(Segment::endpoint_of_shard(shard));
  if (slot.parked.load(std::memory_order_acquire) != 0) {
    return {Status::down, "parked: its redo list failed its check; run verify"};
  }
  const shm::Incarnation owner{slot.owner.load(std::memory_order_acquire)};
  if (!owner) {
    const std::uint64_t placement = slot.placement.load(std::memory_order_acquire);
    if (placement == 0) return {Status::down, "nobody runs it, and it is placed nowhere"};
    return {Status::degraded,
            "nobody runs it yet; it is placed on worker " + number(placement - 1)};
  }
  if (owner.worker() >= shm::kMaxWorkers) {
    return {Status::down, "its owner is no worker: run verify"};
  }
  const auto claim =
      shm::Claim::unpack(segment.worker(owner.worker()).claim.load(std::memory_order_acquire));
  const WorkerView* worker = worker_at(runtime, owner.worker());
  const bool is_gone = claim.incarnation != owner.number() || claim.pid == 0 ||
                       (sees_processes && (worker == nullptr || !worker->pid));
  if (is_gone) {
    return {Status::degraded, "its owner, worker " + number(owner.worker()) +
                                  ", is gone; its messages wait for the next one"};
  }
  return {Status::healthy, "on worker " + number(owner.worker())};
}

/// What is worth saying about the rings that lead to shards: how many are in trouble, and one.
class Rings {
 public:
  explicit Rings(const Segment& segment) : segment_(segment) {
    for (std::uint32_t source = 1; source < segment.endpoints(); ++source) {
      for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
        look(source, Segment::endpoint_of_shard(shard));
      }
    }
  }

  [[nodiscard]] Verdict verdict() const {
    if (damaged_ != 0) {
      return {Status::degraded, plural(damaged_, "ring") + " damaged, as from " + example_};
    }
    if (full_ != 0) {
      return {Status::degraded, plural(full_, "ring") + " nearly full, as " + number(percent_) +
                                    "% from " + example_};
    }
    return {Status::healthy, "the fullest is at " + number(percent_) + "%"};
  }

 private:
  void look(std::uint32_t source, std::uint32_t target) {
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      const std::span<const std::byte> ring = segment_.ring(source, target, priority);
      const auto positions = shm::snapshot_positions(ring);
      if (!positions) continue;  // moves all the time: it is well
      const std::uint64_t capacity = ring.size() - sizeof(shm::RingHeader);
      const std::uint64_t used = positions->tail - positions->head;
      if (positions->head > positions->tail || used > capacity) {
        if (damaged_++ == 0) name(source, target);
        continue;
      }
      const std::uint64_t percent = used * 100 / capacity;
      full_ += percent >= kNearlyFull ? 1U : 0U;
      if (percent <= percent_) continue;
      percent_ = percent;
      if (damaged_ == 0) name(source, target);
    }
  }

  void name(std::uint32_t source, std::uint32_t target) {
    example_ = endpoint_name(segment_, source) + " to " + endpoint_name(segment_, target);
  }

  const Segment& segment_;
  std::uint64_t damaged_ = 0;
  std::uint64_t full_ = 0;
  std::uint64_t percent_ = 0;
  std::string example_;
};

Verdict judge_parking(const Segment& segment) {
  std::uint64_t highest = 0;
  std::uint32_t fullest = 0;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const std::span<const std::byte> log = segment.parking(shard);
    const auto positions = shm::snapshot_positions(log);
    if (!positions || positions->head > positions->tail) continue;  // verify tells of damage
    const std::uint64_t used = positions->tail - positions->head;
    const std::uint64_t percent =
        used * 100 / shm::parking_room(log.size() - sizeof(shm::RingHeader));
    if (percent <= highest) continue;
    highest = percent;
    fullest = shard;
  }
  if (highest == 0) return {Status::healthy, "nothing waits for suspended agents"};
  const std::string fullness = "what waits for suspended agents takes " + number(highest) +
                               "% of its room on shard " + number(fullest);
  if (highest < kNearlyFull) return {Status::healthy, fullness};
  return {Status::degraded, fullness + ": resume or stop them; see `mabeam agents`"};
}

Verdict judge_names(const shm::Symbols& names) {
  const std::uint64_t count = names.count();
  const std::string fullness = number(count) + " of " + number(names.capacity()) + " names, " +
                               number(names.text_used()) + " of " + number(names.text_bytes()) +
                               " bytes of their text";
  const bool is_nearly_full = count * 100 >= names.capacity() * kNearlyFull ||
                              names.text_used() * 100 >= names.text_bytes() * kNearlyFull;
  if (!is_nearly_full) return {Status::healthy, fullness};
  return {Status::degraded, "nearly full: " + fullness +
                                "; names are never taken back: use fewer different topics, actions "
                                "and types, and start the runtime anew"};
}

/// Names what is at 90% of its limit or over. Of less than ten, 90% are all: a runtime that was
/// made for one client is not ill when it has one.
class LimitsVerdict {
 public:
  explicit LimitsVerdict(const LimitsView& view) {
    look("agents", view.agents);
    look("clients", view.clients);
    look("memory of all workers", view.memory);
    for (const WorkerLimitsView& worker : view.workers) {
      const std::string of = " of worker " + number(worker.index);
      look("memory" + of, worker.memory);
      look("processes" + of, worker.processes);
      look("open files" + of, {worker.files.value_or(0), worker.files_limit});
    }
  }

  [[nodiscard]] Verdict verdict() const {
    if (near_.empty()) return {Status::healthy, "nothing is at 90% of its limit"};
    return {Status::degraded, near_ + ": what is new is refused at 100%; see `mabeam limits`"};
  }

 private:
  void look(const std::string& what, const Usage& usage) {
    if (usage.limit < kJudgedFrom || usage.percent() < kNearlyFull) return;
    near_ += near_.empty() ? "" : "; ";
    near_ += what + " at " + number(usage.percent()) + "% of " + number(usage.limit);
  }

  static constexpr std::uint64_t kJudgedFrom = 10;

  std::string near_;
};

Verdict judge_dead_letters(const Segment& segment) {
  std::uint64_t count = 0;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    count += snapshot_record(segment.turn(shard)).dead_lettered;
  }
  return {Status::healthy, count == 0 ? "none" : number(count) + " since the start"};
}

}  // namespace

HealthView Observer::health() const {
  const Segment& segment = impl_->segment;
  const bool sees_processes = impl_->sees_processes;
  const RuntimeView view = runtime();
  HealthView health;
  const auto add = [&](std::string name, Verdict verdict) {
    health.status = std::max(health.status, verdict.status);
    health.components.push_back({std::move(name), verdict.status, std::move(verdict.detail)});
  };
  add("state", judge_state(view.state));
  add("supervisor", judge_supervisor(view, impl_->is_live, sees_processes));
  const std::uint64_t timeout_ns =
      segment.header().tunables.heartbeat_timeout_ns.load(std::memory_order_relaxed);
  for (const WorkerView& worker : view.workers) {
    add("worker " + number(worker.index), judge_worker(worker, timeout_ns, sees_processes));
  }
  for (std::uint32_t shard = 0; shard < view.shards; ++shard) {
    add("shard " + number(shard), judge_shard(segment, shard, view, sees_processes));
  }
  add("rings", Rings{segment}.verdict());
  add("parking", judge_parking(segment));
  add("limits", LimitsVerdict{limits()}.verdict());
  add("names", judge_names(segment.symbols()));
  add("dead letters", judge_dead_letters(segment));
  return health;
}

}  // namespace mabeam

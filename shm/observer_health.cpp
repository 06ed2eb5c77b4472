// The view of the runtime's health: one component a process, a shard and a kind of trouble, each
// with the reason in words. The whole is as well as its worst part. Whether it is live and whether
// it is ready are other questions: a runtime with a full ring is both.
#include "shm/clock.hpp"
#include "shm/health.hpp"
#include "shm/observer_impl.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace mabeam {
namespace {

using Status = HealthView::Status;

// Behind another pid namespace its heartbeat is all there is to tell it by.
bool is_live(const RuntimeView& runtime, bool sees_processes) {
  switch (runtime.state) {
    case RuntimeState::building:
    case RuntimeState::running:
    case RuntimeState::draining:
      return (!sees_processes || runtime.supervisor_pid) &&
             runtime.supervisor_heartbeat_age_seconds <= shm::kSupervisorHungSeconds;
    default:
      return false;
  }
}

bool serves(const WorkerView& worker, bool sees_processes) {
  const bool may = worker.state == WorkerState::ready || worker.state == WorkerState::degraded;
  return may && !worker.shards.empty() && (worker.pid || !sees_processes);
}

void judge_readiness(const RuntimeView& runtime, bool sees_processes, HealthView& health) {
  const auto serving =
      std::count_if(runtime.workers.begin(), runtime.workers.end(),
                    [&](const WorkerView& worker) { return serves(worker, sees_processes); });
  health.is_ready = runtime.state == RuntimeState::running && serving != 0;
  if (runtime.state != RuntimeState::running) {
    health.readiness = "the runtime is " + std::string{to_string(runtime.state)};
  } else if (serving == 0) {
    health.readiness = "no worker is ready";
  } else {
    health.readiness = shm::plural(static_cast<std::uint64_t>(serving), "worker") + " ready";
  }
}

/// The parts, and what they were.
class Parts {
 public:
  explicit Parts(const HealthView& before) : before_(before) {}

  void add(std::string name, shm::Verdict verdict) {
    now_.status = std::max(now_.status, verdict.status);
    now_.components.push_back({std::move(name), verdict.status, std::move(verdict.detail)});
  }

  [[nodiscard]] bool was_bad(std::string_view name) const {
    return std::any_of(before_.components.begin(), before_.components.end(),
                       [&](const HealthView::Component& part) {
                         return part.name == name && part.status != Status::healthy;
                       });
  }

  HealthView take() { return std::move(now_); }

 private:
  const HealthView& before_;
  HealthView now_;
};

}  // namespace

HealthView Observer::health(const HealthView& before) const {
  const shm::Segment& segment = impl_->segment;
  const bool sees_processes = impl_->sees_processes;
  const RuntimeView view = runtime();
  Parts parts{before};
  parts.add("state", shm::judge_state(view.state));
  parts.add("supervisor", shm::judge_supervisor(view, impl_->is_live, sees_processes));
  const std::uint64_t timeout_ns =
      segment.header().tunables.heartbeat_timeout_ns.load(std::memory_order_relaxed);
  for (const WorkerView& worker : view.workers) {
    parts.add("worker " + std::to_string(worker.index),
              shm::judge_worker(worker, timeout_ns, sees_processes));
  }
  for (std::uint32_t shard = 0; shard < view.shards; ++shard) {
    parts.add("shard " + std::to_string(shard),
              shm::judge_shard(segment, shard, view, sees_processes));
  }
  if (impl_->is_live) parts.add("name", shm::judge_name(segment));
  parts.add("rings", shm::judge_rings(segment, parts.was_bad("rings")));
  parts.add("parking", shm::judge_parking(segment, parts.was_bad("parking")));
  parts.add("limits", shm::judge_limits(limits(), parts.was_bad("limits")));
  parts.add("names", shm::judge_names(segment.symbols(), parts.was_bad("names")));
  parts.add("breakers", shm::judge_breakers(segment));
  parts.add("dead letters",
            shm::judge_dead_letters(segment, shm::monotonic_ns(), parts.was_bad("dead letters")));
  parts.add("reload", shm::judge_reload(view.reloads));
  HealthView health = parts.take();
  health.is_live = impl_->is_live && is_live(view, sees_processes);
  judge_readiness(view, sees_processes, health);
  if (!impl_->is_live) {
    health.is_ready = false;
    health.readiness = "a copy of a segment serves nobody";
  }
  return health;
}

}  // namespace mabeam

// Workers and what they use: who is over a limit is told not to take more, or is ended.
#include "shm/doorbell.hpp"
#include "supervisor/workers.hpp"

#include <algorithm>
#include <csignal>

namespace mabeam::supervisor {

void Workers::enforce_limits(Time now) {
  std::vector<MemoryUser> users;
  bool is_one_dying = false;
  for (Worker& worker : workers_) {
    if (!worker.has_process()) continue;
    const LimitFinding found = limits_.look(worker.index(), worker.pid());
    mark_degraded(worker, found);
    if (worker.state() != WorkerState::killing && found.excess != ExitCause::none) {
      const bool is_memory = found.excess == ExitCause::memory;
      end_over_limit(
          worker, found.excess,
          is_memory ? "it is over limits.worker_memory" : "it stays at limits.worker_processes",
          now);
    }
    is_one_dying = is_one_dying || worker.state() == WorkerState::killing;
    users.push_back(
        {worker.index(), found.memory_bytes, found.soft_bytes, worker.started().count()});
  }
  const auto victim = limits_.look_at_all(users);
  if (!victim || is_one_dying) return;
  end_over_limit(workers_[*victim], ExitCause::memory,
                 "all together are over limits.runtime_memory", now);
}

// One that comes back has its group made anew anyway.
int Workers::remove_idle_groups() {
  int removed = 0;
  for (const Worker& worker : workers_) {
    const bool is_over =
        worker.state() == WorkerState::stopped || worker.state() == WorkerState::failed;
    removed += is_over && !worker.has_process() && limits_.discard(worker.index()) ? 1 : 0;
  }
  return removed;
}

bool Workers::is_alive(StartedBy incarnation) const {
  if (incarnation.worker >= workers_.size()) return false;
  const Worker& worker = workers_[incarnation.worker];
  return worker.has_process() && worker.incarnation() == incarnation.incarnation;
}

void Workers::mark_degraded(Worker& worker, const LimitFinding& found) {
  const LogFields fields{{"worker", worker.index()},
                         {"pid", worker.pid()},
                         {"memory_bytes", found.memory_bytes},
                         {"soft_bytes", found.soft_bytes}};
  if (found.is_closed && worker.state() == WorkerState::ready) {
    worker.apply(WorkerEvent::degraded);
    shm::ring_bell(worker.slot().doorbell);  // it tells, and trims
    log_.warn("worker is over its soft memory limit and takes no new agents", fields);
  } else if (!found.is_closed && worker.state() == WorkerState::degraded) {
    worker.apply(WorkerEvent::recovered);
    shm::ring_bell(worker.slot().doorbell);
    log_.info("worker is under its soft memory limit again", fields);
  }
}

// At once, and with all that it has started: no handler can do anything about it.
void Workers::end_over_limit(Worker& worker, ExitCause cause, std::string_view reason, Time now) {
  log_.warn("worker is killed", {{"worker", worker.index()},
                                 {"pid", worker.pid()},
                                 {"cause", to_string(cause)},
                                 {"reason", reason}});
  worker.condemn(cause, SIGKILL);
  worker.kill_group();
  limits_.kill_tree(worker.index());
  worker.apply(WorkerEvent::kill);
  worker.deadline = now + kKillAgain;
}

}  // namespace mabeam::supervisor

// Blows on workers: signals, and agents that make their worker fail.
#include "shm/clock.hpp"
#include "shm/process.hpp"
#include "tests/chaos/battered_runtime.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <string>

namespace mabeam::tests {
namespace {

/// More than a runtime has without a fork bomb under [limits] worker_processes = 16.
constexpr std::size_t kBomb = 15;

/// A bomb has gone off by then, wherever its message had to wait.
constexpr std::chrono::nanoseconds kSurely = std::chrono::seconds{5};

/// 0: it is gone.
pid_t parent_of(pid_t pid) {
  const std::string stat = shm::read_proc(pid, "stat");  // "4711 (name) S 1 ..."
  std::istringstream words{stat.substr(std::min(stat.size(), stat.rfind(')') + 1))};
  std::string state;
  pid_t parent = 0;
  words >> state >> parent;
  return parent;
}

}  // namespace

std::optional<std::uint32_t> BatteredRuntime::choose_worker() {
  std::vector<std::uint32_t> free;
  for (const WorkerView& worker : seen_.workers) {
    const bool is_free = worker.index < wanted_ && worker.state == WorkerState::ready &&
                         worker.pid.value_or(0) != 0 && struck_.count(worker.index) == 0;
    if (is_free) free.push_back(worker.index);
  }
  if (free.empty()) return std::nullopt;
  const std::uint32_t chosen = free[random_() % free.size()];
  if (parent_of(pid_of(chosen)) != supervisor().pid()) orphans_.insert(pid_of(chosen));
  return chosen;
}

pid_t BatteredRuntime::pid_of(std::uint32_t worker) const {
  return static_cast<pid_t>(seen_.workers.at(worker).pid.value_or(0));
}

bool BatteredRuntime::is_ready(std::uint32_t worker) const {
  return seen_.workers.size() > worker && pid_of(worker) != 0 &&
         seen_.workers[worker].state == WorkerState::ready;
}

bool BatteredRuntime::are_ready() const {
  for (std::uint32_t worker = 0; worker < wanted_; ++worker) {
    if (!is_ready(worker)) return false;
  }
  return true;
}

bool BatteredRuntime::has_exited(std::uint32_t worker, std::int64_t since) const {
  const auto& exit = seen_.workers.at(worker).last_exit;
  return exit && exit->time_unix_ns >= since;
}

bool BatteredRuntime::has_any_exited(std::int64_t since) const {
  for (const WorkerView& worker : seen_.workers) {
    if (has_exited(worker.index, since)) return true;
  }
  return false;
}

bool BatteredRuntime::has_returned(std::uint32_t worker, pid_t old, std::uint64_t orders,
                                   ExitCause cause) {
  const bool is_retired = worker >= wanted_;
  if (!is_retired && (!is_ready(worker) || pid_of(worker) == old)) return false;
  struck_.erase(worker);
  const ExitCause found = seen_.workers.at(worker).last_exit->cause;
  const bool may_be_unknown = orphans_.count(old) != 0;
  const bool is_as_struck =
      found == cause || (may_be_unknown && found == ExitCause::unknown) || orders != orders_;
  EXPECT_TRUE(is_as_struck) << "worker " << worker << ": " << to_string(found) << ", not "
                            << to_string(cause);
  return true;
}

std::uint64_t BatteredRuntime::orders_so_far() const {
  const bool is_under_way = book_.is_pending(Blow::reload) || book_.is_pending(Blow::scale);
  return is_under_way ? orders_ - 1 : orders_;
}

bool BatteredRuntime::signal_a_worker(Blow blow, int signal, ExitCause cause) {
  const auto worker = choose_worker();
  if (!worker) return false;
  const pid_t pid = pid_of(*worker);
  const std::int64_t now = shm::unix_ns();
  if (::kill(pid, signal) != 0) return false;
  struck_.insert(*worker);
  book_.note(
      blow, [this, worker, now] { return *worker >= wanted_ || has_exited(*worker, now); },
      [this, worker, pid, orders = orders_so_far(), cause] {
        return has_returned(*worker, pid, orders, cause);
      });
  return true;
}

// A fork bomb is no dead letter that would tell that it went off: its worker's end does, or, if
// that was ordered meanwhile, that there are no more processes than there should be.
bool BatteredRuntime::has_blown_over(Blow blow, std::int64_t since) const {
  if (!are_ready()) return false;
  if (blow != Blow::fork) return true;
  const bool has_ended =
      std::any_of(seen_.workers.begin(), seen_.workers.end(), [since](const WorkerView& worker) {
        return worker.last_exit && worker.last_exit->cause == ExitCause::limit &&
               worker.last_exit->time_unix_ns >= since;
      });
  const bool is_late = shm::unix_ns() - since > kSurely.count();
  return has_ended || (is_late && processes().size() < kBomb);
}

// It is taken again, and kills again, until it is a dead letter; only the fork bomb is refused
// its processes, and fails. One at a time, so that they are told apart. Where shards move it may
// have struck another worker.
bool BatteredRuntime::let_fail(Blow blow, const char* signal, std::int64_t number,
                               ExitCause cause) {
  const auto worker = choose_worker();
  if (!worker || is_failing_) return false;
  const auto fault = std::find_if(faults_.begin(), faults_.end(), [&](AgentId id) {
    const auto agent = observer_->agent(id);
    return agent && agent->worker == worker;
  });
  if (fault == faults_.end()) return false;
  const pid_t pid = pid_of(*worker);
  const std::int64_t now = shm::unix_ns();
  if (!client_->send(*fault, signal, number)) return false;
  struck_.insert(*worker);
  is_failing_ = true;
  if (blow != Blow::fork) ++faults_sent_;
  const std::uint64_t orders = orders_so_far();
  book_.note(
      blow,
      [this, worker, now, orders] {
        return has_exited(*worker, now) || (orders != orders_ && has_any_exited(now));
      },
      [this, blow, worker, pid, now, orders, cause] {
        if (observer_->dead_letters({.limit = 1}).buried != faults_sent_) return false;
        const bool is_over = orders == orders_ ? has_returned(*worker, pid, orders, cause)
                                               : has_blown_over(blow, now);
        if (!is_over) return false;
        struck_.erase(*worker);
        is_failing_ = false;
        return true;
      });
  return true;
}

}  // namespace mabeam::tests

#include "supervisor/limits/limits.hpp"

#include "shm/process.hpp"
#include "supervisor/limits/dying.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace mabeam::supervisor {
namespace {

void store(shm::Word& word, std::uint64_t value) noexcept {
  word.store(value, std::memory_order_relaxed);
}

shm::RateSetting setting_of(Rate rate) {
  return {rate.rate, rate.burst, rate.is_shadow};
}

}  // namespace

void store_rates(const RatesConfig& rates, shm::LimitsRegion& limits) noexcept {
  const std::array runtime{rates.agent_creation, rates.action_execution, rates.event_emission};
  const std::array client{rates.client_agent_creation, rates.client_action_execution,
                          rates.client_event_emission};
  const std::array type{rates.type_agent_creation, rates.type_action_execution,
                        rates.type_event_emission};
  static_assert(runtime.size() == shm::kRates);
  for (std::size_t i = 0; i < shm::kRates; ++i) {
    shm::RateSettings& settings = limits.settings[i];
    store(settings.runtime, setting_of(runtime[i]).pack());
    store(settings.each_client, setting_of(client[i]).pack());
    store(settings.each_type, setting_of(type[i]).pack());
  }
}

Limits::Limits(const Runtime& runtime, Log& log)
    : runtime_(runtime),
      log_(log),
      watched_(shm::kMaxWorkers) {
  if (config().mechanism == LimitsBy::automatic) {
    groups_ = Groups::open(shm::hierarchies_of(0), runtime.config.runtime.name);
  }
  const bool has_groups = groups_.memory_mechanism() != LimitMechanism::none;
  const LimitMechanism memory = has_groups ? groups_.memory_mechanism() : LimitMechanism::rlimit;
  LimitMechanism processes = groups_.process_mechanism();
  if (processes == LimitMechanism::none && is_held_to_process_limit()) {
    processes = LimitMechanism::rlimit;
  }
  shm::RuntimeLimits& told = words().runtime;
  told.memory_mechanism.store(static_cast<std::uint32_t>(memory), std::memory_order_relaxed);
  told.process_mechanism.store(static_cast<std::uint32_t>(processes), std::memory_order_relaxed);
  log_.debug("limits", {{"memory", to_string(memory)}, {"processes", to_string(processes)}});
  configure();
}

ResourceNeeds Limits::needs() const {
  return {groups_.memory_mechanism() == LimitMechanism::none,
          groups_.process_mechanism() == LimitMechanism::none};
}

bool Limits::measures_memory() const {
  return config().worker_memory != 0 || runtime_.config.worker_memory_soft_bytes() != 0 ||
         config().runtime_memory != 0;
}

// A kernel that stops all workers at once would choose its own victim, so ours comes first.
void Limits::configure() {
  store_rates(runtime_.config.rates, words());
  const std::uint64_t most = config().runtime_memory;
  store(words().runtime.memory_limit_bytes, most);
  const int error = groups_.limit_runtime_memory(most + most / 8);
  if (most != 0 && error != 0 && error != ENOENT) tell_failure("limits.runtime_memory", error);
  if (!measures_memory()) store(words().runtime.memory_bytes, 0);
  const std::vector<ResourceLimit> limits = resource_limits(config(), needs());
  for (std::uint32_t worker = 0; worker < watched_.size(); ++worker) {
    const pid_t pid = watched_[worker].pid;
    if (pid != 0 || worker < runtime_.workers) set_limits(worker);
    if (pid != 0) set_resource_limits(pid, limits);
  }
}

void Limits::set_limits(std::uint32_t worker) {
  shm::WorkerLimits& told = words().workers[worker];
  store(told.memory_limit_bytes, config().worker_memory);
  store(told.memory_soft_bytes, runtime_.config.worker_memory_soft_bytes());
  store(told.files_limit, config().open_files);
  const bool limits_processes =
      words().runtime.process_mechanism.load() != static_cast<std::uint32_t>(LimitMechanism::none);
  store(told.processes_limit, limits_processes ? config().worker_processes : 0);
  if (!measures_memory()) store(told.memory_bytes, 0);
  // EBUSY: it uses more than that already, and the next look ends it.
  const int memory = groups_.limit_memory(worker, config().worker_memory);
  if (memory != 0 && memory != ENOENT && memory != EBUSY) {
    tell_failure("limits.worker_memory", memory);
  }
  const int processes = groups_.limit_processes(worker, config().worker_processes);
  if (processes != 0 && processes != ENOENT) tell_failure("limits.worker_processes", processes);
}

void Limits::tell_failure(std::string_view what, int error) {
  if (has_told_failure_) return;
  has_told_failure_ = true;
  log_.warn("a limit cannot be set, and is not kept",
            {{"key", what}, {"reason", std::generic_category().message(error)}});
}

Result<> Limits::prepare(std::uint32_t worker, SpawnOptions& options) {
  if (const Result<> renewed = groups_.renew(worker); !renewed) return renewed;
  options.groups = groups_.doors(worker);
  options.limits = resource_limits(config(), needs());
  watched_[worker] = {};
  set_limits(worker);
  return {};
}

void Limits::adopt(std::uint32_t worker, pid_t pid) {
  groups_.adopt(worker, pid);
  watched_[worker] = {};
  watched_[worker].pid = pid;
  set_limits(worker);
  set_resource_limits(pid, resource_limits(config(), needs()));
}

LimitFinding Limits::look(std::uint32_t worker, pid_t pid) {
  Watched& watched = watched_[worker];
  watched.pid = pid;
  shm::WorkerLimits& told = words().workers[worker];
  LimitFinding found;
  if (measures_memory()) {
    const bool asks_group = groups_.memory_mechanism() != LimitMechanism::none;
    found.memory_bytes =
        asks_group ? groups_.memory_used(worker).value_or(0) : shm::anonymous_bytes(pid);
    found.soft_bytes = runtime_.config.worker_memory_soft_bytes();
    store(told.memory_bytes, found.memory_bytes);
    note_kills(worker);
  }
  found.is_closed = watched.memory.look(found.memory_bytes, found.soft_bytes);
  told.is_closed.store(found.is_closed ? 1 : 0, std::memory_order_relaxed);
  const std::uint64_t most = config().worker_memory;
  if (most != 0 && found.memory_bytes > most) {
    found.excess = ExitCause::memory;
  } else if (is_stuck_at_processes(worker)) {
    found.excess = ExitCause::limit;
  }
  return found;
}

// One that is refused a process now and then knows what to do; one that is found at its limit
// twice has lost count of what it started.
bool Limits::is_stuck_at_processes(std::uint32_t worker) {
  const auto processes = groups_.processes(worker);
  if (!processes) return false;
  store(words().workers[worker].processes, *processes);
  const bool is_at_limit = *processes >= config().worker_processes;
  const bool was_stuck = watched_[worker].is_stuck;
  watched_[worker].is_stuck = is_at_limit && groups_.refused_processes(worker) != 0;
  return was_stuck && watched_[worker].is_stuck;
}

// A kill is counted before it is sent, and the killed may take seconds to be gone: a kill that the
// last look has seen was another process's only if this one is not dying.
void Limits::note_kills(std::uint32_t worker) {
  Watched& watched = watched_[worker];
  if (watched.seen_kills > watched.survived_kills && !is_dying(watched.pid)) {
    log_.warn("a process that a worker has started was killed for the worker's memory limit",
              {{"worker", worker}, {"pid", watched.pid}});
    watched.survived_kills = watched.seen_kills;
  }
  watched.seen_kills = groups_.memory_kills(worker);
}

bool Limits::has_run_out_of_memory(std::uint32_t worker) const {
  return groups_.memory_kills(worker) > watched_[worker].survived_kills;
}

std::optional<std::uint32_t> Limits::look_at_all(std::span<const MemoryUser> users) {
  if (!measures_memory()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const MemoryUser& user : users)
    sum += user.used;
  store(words().runtime.memory_bytes, sum);
  if (config().runtime_memory == 0 || sum <= config().runtime_memory) return std::nullopt;
  return choose_victim(users);
}

void Limits::kill_tree(std::uint32_t worker) const {
  groups_.kill(worker);
}

void Limits::forget(std::uint32_t worker) {
  shm::WorkerLimits& told = words().workers[worker];
  told.is_closed.store(0, std::memory_order_relaxed);
  store(told.memory_bytes, 0);
  store(told.processes, 0);
  watched_[worker] = {};
}

}  // namespace mabeam::supervisor

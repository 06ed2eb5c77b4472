// Workers that fail too often, and which worker may run how many shards.
#include "shm/snapshots.hpp"
#include "supervisor/workers.hpp"

#include <algorithm>
#include <string>

namespace mabeam::supervisor {
namespace {

bool is_open(const Worker& worker) {
  return shm::Breaker::acting(worker.breaker().word()) != shm::BreakerState::closed;
}

}  // namespace

shm::BreakerRules Workers::breaker_rules() const {
  const BreakerConfig& config = runtime_.config.breaker;
  return {config.failure_threshold, config.window.count(), config.recovery_timeout.count(),
          config.half_open_max_calls};
}

// Never on more than half of the workers: the rest would have to carry everything.
bool Workers::may_open(const Worker& worker) const {
  const auto others = std::count_if(workers_.begin(), workers_.end(), [&](const Worker& each) {
    return &each != &worker && !is_retired(each) && is_open(each);
  });
  return (static_cast<std::uint32_t>(others) + 1) * 2 <= wanted_;
}

bool Workers::has_tripped(Worker& worker, const Ending& ending, Time now) {
  shm::Breaker breaker = worker.breaker();
  if (shm::Breaker::acting(breaker.word()) == shm::BreakerState::open) return true;
  if (!is_failure(ending)) return false;
  const double chance = std::uniform_real_distribution<>{}(random_);
  return breaker.fail(breaker.current(), breaker_rules(), now.count(), chance, may_open(worker));
}

void Workers::open(Worker& worker, Time now) {
  const shm::BreakerWord word = worker.breaker().word();
  const bool is_forced = word.mode == shm::BreakerMode::forced_open;
  worker.apply(WorkerEvent::opened);
  joint_.forget(worker.index());
  worker.deadline =
      is_forced ? kNever : std::chrono::milliseconds{static_cast<std::int64_t>(word.deadline_ms)};
  const LogFields fields{{"worker", worker.index()},
                         {"until", is_forced ? "it is let go" : "its trial"},
                         {"in_ms", is_forced ? 0.0 : milliseconds(worker.deadline - now)}};
  log_.warn("worker's circuit breaker is open; its shards run on the others", fields);
  worker.release();
  announce_placement(runtime_.segment);
  place_shards();
}

// Its time is over, or somebody has set its breaker.
void Workers::try_open(Worker& worker, Time now) {
  shm::Breaker breaker = worker.breaker();
  worker.is_on_trial = false;
  if (shm::Breaker::acting(breaker.word()) != shm::BreakerState::closed) {
    const shm::BreakerAdmission admission = breaker.ask(breaker_rules(), now.count());
    if (!admission.permit) {
      const bool is_forced = breaker.word().mode == shm::BreakerMode::forced_open;
      worker.deadline = is_forced ? kNever : now + Time{admission.retry_after_ns};
      return;
    }
    worker.is_on_trial = true;
    log_.info("worker is tried again", {{"worker", worker.index()}});
  }
  worker.count_restart();
  run_one(worker, now);
}

// Without any message for its shard, living that long is proof enough.
void Workers::begin_trial(Worker& worker, Time now) {
  worker.deadline = now + runtime_.config.breaker.recovery_timeout;
  worker.trial_base.reset();
}

/// Messages that its shards have taken; nothing while it has none.
std::optional<std::uint64_t> Workers::messages_of(const Worker& worker) const {
  const shm::Incarnation self = shm::Incarnation::of(worker.index(), worker.incarnation());
  std::optional<std::uint64_t> count;
  for (std::uint32_t shard = 0; shard < runtime_.segment.dimensions().shards; ++shard) {
    const auto& endpoint = runtime_.segment.endpoint(shm::Segment::endpoint_of_shard(shard));
    if (endpoint.owner.load(std::memory_order_acquire) != self.value) continue;
    const shm::ShardRecord record = shm::snapshot_record(runtime_.segment.turn(shard));
    count = count.value_or(0) + record.delivered + record.events_delivered;
  }
  return count;
}

void Workers::look_at_trial(Worker& worker) {
  if (worker.state() != WorkerState::half_open || !worker.was_ready()) return;
  const auto messages = messages_of(worker);
  if (!messages) return;
  worker.trial_base = std::min(worker.trial_base.value_or(*messages), *messages);
  const bool is_enough =
      *messages - *worker.trial_base >= runtime_.config.breaker.half_open_max_calls;
  if (is_enough || !is_open(worker)) prove(worker);
}

void Workers::prove(Worker& worker) {
  shm::Breaker breaker = worker.breaker();
  const shm::BreakerRules rules = breaker_rules();
  breaker.succeed(breaker.current(), rules, rules.half_open_max_calls);
  if (is_open(worker)) return;
  worker.is_on_trial = false;
  worker.apply(WorkerEvent::proved);
  worker.deadline = kNever;
  log_.info("worker's circuit breaker is closed; it gets its part back",
            {{"worker", worker.index()}});
  place_shards();
}

Said Workers::set_breaker(std::uint32_t index, shm::BreakerMode mode, Time now) {
  const auto refused = [](std::string reason) {
    return Said{shm::ControlVerdict::refused, std::move(reason)};
  };
  if (is_ending_) return {shm::ControlVerdict::busy, "the runtime is being stopped"};
  if (index >= wanted_) return refused("there is no worker " + std::to_string(index));
  Worker& worker = workers_[index];
  if (mode == shm::BreakerMode::forced_open && !is_open(worker) && !may_open(worker)) {
    return refused("breakers are never open on more than half of the workers");
  }
  if (worker.state() == WorkerState::failed || worker.state() == WorkerState::stopped) {
    return refused("worker " + std::to_string(index) + " has ended for good");
  }
  worker.breaker().set_mode(mode, now.count());
  log_.info("worker's circuit breaker is set",
            {{"worker", index}, {"to", to_string(shm::Breaker::acting(worker.breaker().word()))}});
  if (worker.state() == WorkerState::open) {
    worker.deadline = now;
  } else if (mode == shm::BreakerMode::forced_open && has_process(worker.state())) {
    restart_planned(worker, now);  // has_tripped() finds the breaker open when it has ended
  } else if (mode == shm::BreakerMode::forced_open) {
    open(worker, now);
  } else {
    look_at_trial(worker);
  }
  return {};
}

// A worker between two incarnations keeps its shards: it is back sooner than they would have moved.
Share Workers::share_of(const Worker& worker) const {
  if (is_retired(worker) || !worker.is_member) return Share::none;
  switch (worker.state()) {
    case WorkerState::stopped:
    case WorkerState::failed:
    case WorkerState::open:
      return Share::none;
    case WorkerState::half_open:
      return worker.was_ready() ? Share::one : Share::none;
    default:
      return Share::full;
  }
}

void Workers::place_shards() {
  if (is_ending_ || !has_started_) return;
  std::vector<Share> shares;
  for (const Worker& worker : workers_)
    shares.push_back(share_of(worker));
  const bool is_rebalanced = runtime_.config.worker.rebalance != Time{0};
  const Placement wanted = plan_placement(read_placement(runtime_.segment), shares,
                                          is_rebalanced ? Evenness::loose : Evenness::even);
  const std::uint32_t moves = store_placement(runtime_.segment, wanted);
  if (moves != 0) log_.info("shards move", {{"count", moves}});
}

}  // namespace mabeam::supervisor

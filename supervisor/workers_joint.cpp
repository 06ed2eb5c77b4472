// Workers that are restarted with one that failed (restart.strategy).
#include "supervisor/workers.hpp"

#include <string>

namespace mabeam::supervisor {
namespace {

constexpr std::string_view to_string(RestartStrategy strategy) {
  return strategy == RestartStrategy::one_for_all ? "one_for_all" : "rest_for_one";
}

}  // namespace

// What waits in a worker's rings is its next incarnation's: it leaves after its turn, as for any
// planned restart, and is killed if it has not by shutdown_timeout.
void Workers::take_along(Worker& other, Time now) {
  if (other.state() == WorkerState::backoff) {
    joint_.add_ended(other.index(), other.deadline);
    other.deadline = kNever;
  } else if (has_process(other.state())) {
    joint_.await(other.index());
    if (!is_being_ended(other.state())) restart_planned(other, now);
  }
}

// Whose breaker is open, or who has ended for good, is left out.
bool Workers::restart_jointly(Worker& worker, const WorkerExit& exit, Time delay, Time now) {
  const RestartStrategy strategy = runtime_.config.restart.strategy;
  std::string others;
  for (const std::uint32_t index : restarted_with(worker.index(), wanted_, strategy)) {
    if (!joint_.has(index)) take_along(workers_[index], now);
    if (!joint_.has(index)) continue;
    others += (others.empty() ? "" : ", ") + std::to_string(index);
  }
  if (others.empty()) return false;
  worker.apply(WorkerEvent::ended_for_restart);
  joint_.add_ended(worker.index(), now + delay);
  log_.warn("workers are restarted with one that has ended", {{"strategy", to_string(strategy)},
                                                              {"worker", worker.index()},
                                                              {"cause", describe(exit)},
                                                              {"others", others}});
  return true;
}

// How it ended is of no account, but for a breaker that is held open by hand.
void Workers::await_others(Worker& worker, Time now) {
  if (has_tripped(worker, {.code = std::nullopt, .was_planned = true}, now)) {
    open(worker, now);
    return;
  }
  worker.apply(WorkerEvent::ended_for_restart);
  joint_.add_ended(worker.index(), now);
}

void Workers::start_together(Time now) {
  const auto due = joint_.due();
  if (!due || *due > now) return;
  for (const std::uint32_t index : joint_.take())
    on_deadline(workers_[index], now);
}

}  // namespace mabeam::supervisor

// Workers from their start to their end: what is run, what becomes of who has ended.
#include "supervisor/workers.hpp"

#include "shm/clock.hpp"
#include "supervisor/last_words.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

namespace mabeam::supervisor {
namespace {

/// Looks at a slot that somebody claims or leaves meanwhile.
constexpr int kTries = 4;
/// Until a start that the kernel refused is tried again, at least.
constexpr Time kBreath = std::chrono::milliseconds{10};

/// True for errors that another look at the slot may not give.
bool is_race(Error error) {
  return error.code == Errc::in_use || error.code == Errc::not_found;
}

/// A timeout of 0 is none.
void set_deadline(Worker& worker, Time timeout, Time now) {
  worker.deadline = timeout == Time{0} ? kNever : now + timeout;
}

/// What the supervisor ends with when workers end with a code that says not to try again.
ExitCode exit_code_for(std::int32_t code) {
  if (code == static_cast<std::int32_t>(ExitCode::configuration)) return ExitCode::configuration;
  if (code == static_cast<std::int32_t>(ExitCode::permission)) return ExitCode::permission;
  return ExitCode::gave_up;
}

}  // namespace

Workers::Workers(const Runtime& runtime, EventLoop& loop, Log& log)
    : runtime_(runtime),
      loop_(loop),
      log_(log),
      limits_(runtime, log),
      random_(static_cast<unsigned>(::getpid())),
      wanted_(runtime.workers),
      settings_(runtime.config.worker) {
  workers_.reserve(shm::kMaxWorkers);  // so that none ever changes its place
  for (std::uint32_t i = 0; i < std::max(runtime.workers, runtime.living); ++i)
    workers_.emplace_back(runtime.segment, i);
}

void Workers::start(Time now) {
  for (Worker& worker : workers_) {
    if (is_retired(worker)) {
      if (!worker.find_living()) continue;
      run_one(worker, now);  // which adopts it
      retire(worker, now);
      continue;
    }
    if (runtime_.inherited && worker.stay_ended()) {
      const Ending ending{.code = worker.slot().exit_code.load(std::memory_order_relaxed)};
      if (worker.state() == WorkerState::failed && is_final(ending)) final_code_ = ending.code;
      continue;
    }
    const shm::BreakerState breaker = shm::Breaker::acting(worker.breaker().word());
    worker.is_on_trial = breaker == shm::BreakerState::half_open;
    if (breaker == shm::BreakerState::open && !worker.find_living()) {
      open(worker, now);
    } else {
      run_one(worker, now);
      if (breaker == shm::BreakerState::open) restart_planned(worker, now);  // it was set to it
    }
  }
  has_started_ = true;
  place_shards();
  forked_ = supervisor::now();
}

SpawnOptions Workers::spawn_options(const Worker& worker) const {
  const bool has_old = rollout_ && rollout_->has_old_settings(worker.index());
  const WorkerConfig& config =
      has_old && !rollout_->is_going_back() ? rollout_->before() : settings_;
  SpawnOptions options{
      .executable = find_worker(config.executable), .cpus = config.cpus, .nice = config.nice};
  for (const std::string& module : config.modules) {
    options.arguments.insert(options.arguments.end(), {"--module", module});
  }
  return options;
}

// What an unrecorded child of a dead supervisor does in the group ends here: it owns nothing yet.
Result<> Workers::start_one(Worker& worker, Time now) {
  const bool ran_out_of_memory = limits_.has_run_out_of_memory(worker.index());
  SpawnOptions options = spawn_options(worker);
  if (const Result<> prepared = limits_.prepare(worker.index(), options); !prepared) {
    return prepared;
  }
  Descriptor end;
  Result<WorkerOutput> output = WorkerOutput::open(end);
  if (!output) return fail(output.error());
  options.output = end.get();
  const Result<> started = worker.start(std::move(options), now, ran_out_of_memory);
  if (started) worker.output = std::move(*output);
  return started;
}

// A predecessor's child may claim the slot, or die, between two looks at it: it is looked at again.
void Workers::run_one(Worker& worker, Time now) {
  Result<> running = fail(Errc::in_use);
  bool is_adopted = false;
  for (int tries = 0; tries < kTries && !running && is_race(running.error()); ++tries) {
    const auto living = worker.find_living();
    is_adopted = living.has_value();
    running = living ? worker.adopt(*living, now) : start_one(worker, now);
    if (running && living) worker.output = WorkerOutput::of_process(worker.pid());
  }
  if (running) running = loop_.watch(worker.fd(), {Source::worker, worker.index()});
  if (!running) {
    try_again(worker, running.error(), now);
    return;
  }
  watch_output(worker);
  set_deadline(worker, runtime_.config.worker.ready_timeout, now);
  const LogFields fields{
      {"worker", worker.index()}, {"pid", worker.pid()}, {"incarnation", worker.incarnation()}};
  if (!is_adopted) {
    log_.debug("worker starts", fields);  // the flight recorder has it
  } else {
    limits_.adopt(worker.index(), worker.pid());
    log_.info("worker adopted", fields);
    settle_adopted(worker, now);
  }
}

// An order that its last supervisor gave still holds: a worker that drains goes on to its end, and
// is started again then.
void Workers::settle_adopted(Worker& worker, Time now) {
  const auto order = static_cast<shm::Order>(worker.slot().order.load(std::memory_order_acquire));
  if (worker.has_ended()) {
    (void)worker.notice_ready(now);  // had it been? on_exit() comes next
  } else if (order == shm::Order::run) {
    notice_ready(worker, now);
  } else if (worker.apply(WorkerEvent::drain)) {
    set_deadline(worker, runtime_.config.worker.shutdown_timeout, now);
  }
}

// Not the worker's fault: no process, no memory, no descriptor left.
void Workers::try_again(Worker& worker, Error error, Time now) {
  log_.error("cannot start a worker", {{"worker", worker.index()}, {"reason", describe(error)}});
  worker.kill_group();
  const Ending ending{.code = kTryAgain};
  const double chance = std::uniform_real_distribution<>{}(random_);
  const Decision decision = worker.plan.decide(ending, now, chance, runtime_.config.restart);
  worker.apply(WorkerEvent::spawned);
  worker.apply(WorkerEvent::ended_for_restart);
  worker.deadline = now + std::max(decision.delay, kBreath);
}

void Workers::on_exit(std::uint32_t index, Time now) {
  if (index < workers_.size()) end_one(workers_[index], now);
}

void Workers::end_one(Worker& worker, Time now) {
  if (!worker.has_ended()) return;
  const std::int64_t seen_unix_ns = shm::unix_ns();
  loop_.forget(worker.fd());
  limits_.kill_tree(worker.index());
  const auto exit = worker.reap(limits_.has_run_out_of_memory(worker.index()), seen_unix_ns);
  if (!exit) return;
  limits_.forget(worker.index());
  if (!worker.start_failure().empty()) log_.error(worker.start_failure());
  end_output(worker, now);
  tell_end(worker, *exit, now);
  follow_up(worker, *exit, now);
}

void Workers::tell_end(const Worker& worker, const WorkerExit& exit, Time now) {
  const std::string cause = describe(exit);
  const double lived_ms = milliseconds(now - worker.started());
  const LogFields fields{
      {"worker", worker.index()}, {"pid", worker.pid()}, {"cause", cause}, {"lived_ms", lived_ms}};
  if (exit.cause == ExitCause::asked) {
    log_.info("worker stopped", fields);
    return;
  }
  const std::string at = last_words(runtime_.segment, worker.index(), worker.incarnation());
  if (at.empty()) {
    log_.warn("worker died", fields);
  } else {
    log_.warn("worker died", {{"worker", worker.index()},
                              {"pid", worker.pid()},
                              {"cause", cause},
                              {"lived_ms", lived_ms},
                              {"at", at}});
  }
}

void Workers::follow_up(Worker& worker, const WorkerExit& exit, Time now) {
  if (is_ending_ || is_retired(worker)) {
    leave(worker, WorkerEvent::ended);
    return;
  }
  if (joint_.has(worker.index())) {
    await_others(worker, now);
    return;
  }
  if (exit.cause != ExitCause::asked && goes_back(worker)) {
    restart(worker, Time{0}, now);
    return;
  }
  const Ending ending = exit.ending(worker.was_ready());
  const double chance = std::uniform_real_distribution<>{}(random_);
  const Decision decision = worker.plan.decide(ending, now, chance, runtime_.config.restart);
  if (decision.verdict == Verdict::leave) {
    leave(worker, WorkerEvent::ended);
  } else if (decision.verdict == Verdict::fail) {
    log_.error("worker is not started again; its shards run on the others, if there are any",
               {{"worker", worker.index()}, {"cause", describe(exit)}});
    if (is_final(ending)) final_code_ = ending.code;
    leave(worker, WorkerEvent::ended_for_good);
  } else if (is_one_too_many(ending, now)) {
    worker.apply(WorkerEvent::ended);
    const RestartConfig& config = runtime_.config.restart;
    give_up_ = {ExitCode::gave_up,
                "more than " + std::to_string(config.intensity) + " restarts within " +
                    format_time(config.period) + " and no worker ready (last: " +
                    (worker.start_failure().empty() ? describe(exit) : worker.start_failure()) +
                    "); see restart.intensity and restart.period"};
  } else if (has_tripped(worker, ending, now)) {
    open(worker, now);
  } else if (!takes_others_along(ending) || !restart_jointly(worker, exit, decision.delay, now)) {
    restart(worker, decision.delay, now);
  }
}

bool Workers::is_one_too_many(const Ending& ending, Time now) {
  if (is_serving()) intensity_.forget();
  if (ending.was_planned || ending.code == kTryAgain || is_serving()) return false;
  return intensity_.is_exceeded(now, runtime_.config.restart);
}

void Workers::restart(Worker& worker, Time delay, Time now) {
  worker.apply(WorkerEvent::ended_for_restart);
  worker.deadline = now + delay;
  if (delay == Time{0}) {
    on_deadline(worker, now);
    return;
  }
  log_.info("worker waits for its restart",
            {{"worker", worker.index()}, {"in_ms", milliseconds(delay)}});
}

// When the last worker has left for good, so does the supervisor.
void Workers::leave(Worker& worker, WorkerEvent event) {
  worker.apply(event);
  joint_.forget(worker.index());
  if (!is_ending_) {
    worker.release();
    place_shards();
  }
  const bool has_more = std::any_of(workers_.begin(), workers_.end(), [](const Worker& each) {
    return has_process(each.state()) || each.state() == WorkerState::backoff ||
           each.state() == WorkerState::open;
  });
  if (has_more || is_ending_) return;
  const bool has_failed = std::any_of(workers_.begin(), workers_.end(), [](const Worker& each) {
    return each.state() == WorkerState::failed;
  });
  if (!has_failed) {
    give_up_ = {ExitCode::done, "every worker is done"};
  } else {
    give_up_ = {final_code_ ? exit_code_for(*final_code_) : ExitCode::gave_up,
                "no worker is left, and none is to be started again"};
  }
}

bool Workers::is_serving() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return supervisor::is_serving(worker.state()); });
}

bool Workers::is_ready() const {
  return is_serving() && std::all_of(workers_.begin(), workers_.end(), [](const Worker& worker) {
           const WorkerState state = worker.state();
           return supervisor::is_serving(state) || state == WorkerState::stopped ||
                  state == WorkerState::failed || state == WorkerState::open ||
                  state == WorkerState::half_open;
         });
}

bool Workers::has_processes() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return worker.has_process(); });
}

bool Workers::is_one_of(pid_t pid) const {
  return std::any_of(workers_.begin(), workers_.end(), [pid](const Worker& worker) {
    return worker.has_process() && worker.pid() == pid;
  });
}

}  // namespace mabeam::supervisor

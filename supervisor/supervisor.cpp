#include "supervisor/supervisor.hpp"

#include "shm/breaker.hpp"
#include "supervisor/leftovers.hpp"
#include "supervisor/strays.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include <sys/wait.h>

namespace mabeam::supervisor {
namespace {

/// At the end: what was killed may leave children of its own behind.
constexpr int kLooksAtStrays = 100;

/// One that is just becoming another program cannot be told from somebody else's for a moment.
bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

Supervisor::Supervisor(Runtime runtime, EventLoop loop, Log& log, const Options& options)
    : runtime_(std::move(runtime)),
      loop_(std::move(loop)),
      log_(log),
      options_(options),
      workers_(runtime_, loop_, log_),
      clients_(runtime_.segment, loop_, log_),
      worker_facts_(runtime_.segment, log_),
      slow_consumers_(runtime_.segment, log_),
      cleanup_(runtime_.segment, workers_, log_),
      handover_(options.invocation),
      parked_(runtime_.segment.dimensions().shards),
      refused_(runtime_.segment.dimensions().shards) {
}

ExitCode Supervisor::run(const StartTimes& times) {
  begin();
  for (;;) {
    for (const Event& event : loop_.wait(next_deadline()))
      dispatch(event);
    tick();
    if (phase_ == Phase::starting && workers_.is_ready()) become_ready(times);
    if (phase_ > Phase::running && !workers_.has_processes()) return finish();
  }
}

void Supervisor::begin() {
  shm::FactSlots{runtime_.segment.recorder()}.mend();
  log_.record_in(shm::FlightRecorder{runtime_.segment.recorder()});
  settle(runtime_);
  Result<Bell> bell = open_bell();
  if (bell && loop_.watch(bell->fd(), {Source::bell})) {
    bell_ = std::move(*bell);
  } else {
    log_.warn("the bell cannot be opened; workers are noticed up to 250 ms later");
  }
  const std::uint32_t wanted = runtime_.config.runtime.workers.value_or(runtime_.workers);
  if (wanted != runtime_.workers) {
    log_.warn(
        "the number of workers stays as it was when the last supervisor died; see mabeam scale",
        {{"workers", runtime_.workers}, {"configured", wanted}});
  }
  log_.info(runtime_.is_new ? "segment created" : "segment taken over",
            {{"bytes", runtime_.segment.layout().total_bytes},
             {"workers", runtime_.workers},
             {"shards", runtime_.segment.dimensions().shards}});
  clients_.scan();
  workers_.start(now());
  if (runtime_.inherited) take_up();
}

void Supervisor::dispatch(const Event& event) {
  switch (event.source) {
    case Source::signal:
      while (const auto signal = loop_.next_signal())
        on_signal(*signal);
      break;
    case Source::timer:
      break;  // tick() looks what is due
    case Source::bell:
      hear();
      workers_.look(now());
      clients_.scan();
      break;
    case Source::worker:
      workers_.on_exit(event.index, now());
      break;
    case Source::output:
      workers_.on_output(event.index, now());
      break;
    case Source::client:
      clients_.on_exit(event.index);
      break;
    case Source::handover:
      break;  // tick() looks how it goes
  }
}

void Supervisor::tick() {
  watchdog_.tell(now());
  if (now() >= next_scan_) scan();
  workers_.check_deadlines(now());
  if (const auto old = workers_.take_old_settings()) {
    restore_rolling(*old, runtime_.config);
    store_digest(runtime_.config, runtime_.segment.header());
    note_reload(runtime_.segment.header(), false);
  }
  if (workers_.give_up() && phase_ <= Phase::running) give_up(*workers_.give_up());
  look_at_handover(now());
}

void Supervisor::scan() {
  const Time at = now();
  runtime_.segment.header().supervisor_heard_ns.store(static_cast<std::uint64_t>(at.count()),
                                                      std::memory_order_relaxed);
  const Time period = scan_period(runtime_.config.worker.heartbeat_timeout);
  next_scan_ = at + period;
  workers_.scan(at, lag_.measure(at, period));
  clients_.scan();
  worker_facts_.scan(at);
  tell_parked();
  tell_breakers();
  cleanup_.scan(at, runtime_.config.limits.cleanup_interval);
  look_for_slow_consumers(at);
  look_at_name();
  reap_strays();
  log_.tell_repeats();
}

Time Supervisor::next_deadline() const {
  return std::min(
      {next_scan_, workers_.next_deadline(), handover_.deadline(), watchdog_.deadline()});
}

void Supervisor::become_ready(const StartTimes& times) {
  phase_ = Phase::running;
  set_state(runtime_.segment, RuntimeState::running);
  notify_service_manager(running_text());
  const Time at = now();
  log_.info("ready", {{"ms", milliseconds(at - times.begun)},
                      {"settings_ms", milliseconds(times.segment_begun - times.begun)},
                      {"segment_ms", milliseconds(times.segment_ready - times.segment_begun)},
                      {"fork_ms", milliseconds(workers_.forked() - times.segment_ready)},
                      {"workers_ms", milliseconds(at - workers_.forked())}});
}

std::string Supervisor::running_text() const {
  return "READY=1\nSTATUS=runtime " + runtime_.config.runtime.name + ": " +
         std::to_string(workers_.count()) + " workers, " +
         std::to_string(runtime_.segment.dimensions().shards) + " shards" +
         (has_name_ ? "" : "; the segment's name is gone, see the log");
}

void Supervisor::on_signal(int signal) {
  switch (signal) {
    case SIGTERM:
      drain("SIGTERM");
      break;
    case SIGINT:
      stop("SIGINT");
      break;
    case SIGHUP:
      (void)reload(false);
      break;
    default:
      ask_successor();
  }
}

void Supervisor::drain(std::string_view why) {
  if (phase_ > Phase::running) return;
  phase_ = Phase::draining;
  set_state(runtime_.segment, RuntimeState::draining);
  notify_service_manager("STOPPING=1\nSTATUS=draining");
  log_.info("draining", {{"asked_by", why}});
  workers_.drain(now());
}

// A second SIGINT waits for nobody.
void Supervisor::stop(std::string_view why) {
  if (phase_ >= Phase::stopping) {
    kill();
    return;
  }
  phase_ = Phase::stopping;
  set_state(runtime_.segment, RuntimeState::draining);
  notify_service_manager("STOPPING=1\nSTATUS=stopping");
  log_.info("stopping", {{"asked_by", why}});
  workers_.stop(now());
}

void Supervisor::give_up(const GiveUp& reason) {
  exit_ = reason.code;
  if (exit_ == ExitCode::done) {
    log_.info(reason.reason);
  } else {
    log_.error("giving up: " + reason.reason);
    const bool was_in_service = !runtime_.is_new || phase_ == Phase::running;
    keeps_segment_ = was_in_service;
  }
  notify_service_manager("STOPPING=1\nSTATUS=giving up: " + reason.reason);
  kill();
}

void Supervisor::kill() {
  phase_ = Phase::killing;
  workers_.kill(now());
}

// Children of dead workers become ours (PR_SET_CHILD_SUBREAPER), and of living ones what a child of
// theirs has left behind: that is kept while its worker lives.
int Supervisor::reap_strays() {
  const int killed =
      kill_strays(runtime_.segment.name(), [this](StartedBy by) { return workers_.is_alive(by); });
  if (killed != 0) log_.info("what dead workers had started was killed", {{"processes", killed}});
  for (;;) {
    siginfo_t info{};
    const int found = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    const bool is_known = workers_.is_one_of(info.si_pid) || handover_.is_one_of(info.si_pid);
    if (found != 0 || info.si_pid == 0 || is_known) return killed;
    ::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG);
    log_.debug("a dead worker's child was reaped", {{"pid", info.si_pid}});
  }
}

void Supervisor::tell_parked() {
  for (std::uint32_t shard = 0; shard < parked_.size(); ++shard) {
    const auto& endpoint = runtime_.segment.endpoint(shm::Segment::endpoint_of_shard(shard));
    const bool is_parked = endpoint.parked.load(std::memory_order_relaxed) != 0;
    if (is_parked && !parked_[shard]) {
      log_.error("a shard is damaged and parked: nobody serves its agents", {{"shard", shard}});
    }
    parked_[shard] = is_parked;
  }
}

void Supervisor::tell_breakers() {
  for (std::uint32_t shard = 0; shard < refused_.size(); ++shard) {
    const shm::BreakerWord word = shm::Breaker{runtime_.segment.breaker_of_shard(shard)}.word();
    const bool is_open = shm::Breaker::acting(word) == shm::BreakerState::open;
    if (is_open && !refused_[shard]) {
      log_.warn("calls to a shard are refused: its circuit breaker is open", {{"shard", shard}});
    } else if (!is_open && refused_[shard]) {
      log_.info("calls to a shard are let through again", {{"shard", shard}});
    }
    refused_[shard] = is_open;
  }
}

void Supervisor::look_for_slow_consumers(Time now) {
  const WorkerConfig& config = runtime_.config.worker;
  for (const std::uint32_t worker : slow_consumers_.scan(now, config.stall_timeout)) {
    if (config.slow_consumer == SlowConsumer::restart) workers_.end_slow(worker, now);
  }
}

// Whoever has attached goes on, and workers need no name; only nobody else can come.
void Supervisor::look_at_name() {
  const bool has_name = runtime_.segment.is_named();
  if (has_name == has_name_) return;
  has_name_ = has_name;
  const std::string path = shm::path_of_segment(runtime_.segment.name());
  if (has_name) {
    log_.info("the segment has its name again", {{"path", path}});
  } else {
    log_.error(
        "the segment's name is gone, and nothing gives it back: agents go on, but no command and "
        "no client can attach, and what is in the segment ends with this supervisor; when that "
        "may be, end it by SIGTERM and start it again",
        {{"path", path}});
  }
  if (phase_ == Phase::running) notify_service_manager(running_text());
}

ExitCode Supervisor::finish() {
  worker_facts_.scan(now(), true);
  workers_.remove_groups();
  for (int look = 0; look < kLooksAtStrays && (reap_strays() != 0 || has_children()); ++look)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  const shm::Segment& segment = runtime_.segment;
  set_state(segment, RuntimeState::stopped);
  const Leftovers leftovers = count_leftovers(segment);
  const bool is_to_be_kept = keeps_segment_ || runtime_.config.runtime.on_stop == OnStop::keep;
  const bool keeps = is_to_be_kept && segment.is_named();  // without a name nobody finds it again
  if (keeps) {
    segment.header().supervisor.store(0, std::memory_order_release);
  } else {
    runtime_.segment.remove();
  }
  if (!keeps && leftovers.agents + leftovers.messages + leftovers.events != 0) {
    log_.warn("agents and unread messages went with the segment", {{"agents", leftovers.agents},
                                                                   {"messages", leftovers.messages},
                                                                   {"events", leftovers.events}});
  }
  const std::string_view became = keeps ? "kept" : (is_to_be_kept ? "lost" : "removed");
  log_.end_repeats();
  log_.info("stopped", {{"segment", became}});
  return exit_;
}

}  // namespace mabeam::supervisor

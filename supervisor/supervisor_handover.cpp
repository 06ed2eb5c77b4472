// Another program in this process: how the supervisor goes, and how it comes.
#include "shm/process.hpp"
#include "supervisor/supervisor.hpp"

#include "mabeam/version.hpp"

#include <chrono>
#include <string>
#include <utility>

#include <unistd.h>

namespace mabeam::supervisor {

Result<Bell> Supervisor::open_bell() {
  const std::string_view name = runtime_.segment.name();
  if (runtime_.inherited && runtime_.inherited->bell >= 0) {
    Result<Bell> bell = Bell::inherit(name, shm::self_process(), runtime_.inherited->bell);
    if (bell) return bell;
  }
  return Bell::open(name, shm::self_process());
}

// The runtime was running, and still is, whatever has become of its workers meanwhile.
void Supervisor::take_up() {
  phase_ = Phase::running;
  notify_service_manager("MAINPID=" + std::to_string(::getpid()) + "\n" + running_text());
  const Time away = now() - runtime_.inherited->since;
  log_.info("this program has taken over",
            {{"program", options_.invocation.program},
             {"version", version()},
             {"workers", runtime_.workers},
             {"ms", std::chrono::duration<double, std::milli>(away).count()}});
}

void Supervisor::ask_successor() {
  if (phase_ > Phase::running) {
    log_.warn("nothing is handed over any more: the runtime is being stopped");
    return;
  }
  if (handover_.is_under_way()) return;
  if (!runtime_.segment.is_named()) {
    refuse_successor("its check would not find the segment, whose name is gone");
    return;
  }
  log_.info("a new program is asked whether it can take over", {{"program", handover_.program()}});
  auto objection = handover_.begin(runtime_.segment.name(), now());
  if (!objection && !loop_.watch(handover_.fd(), {Source::handover})) {
    objection = "its check cannot be watched";
  }
  if (objection) refuse_successor(*objection);
}

void Supervisor::drop_handover() {
  if (handover_.fd() >= 0) loop_.forget(handover_.fd());
  handover_.cancel();
}

void Supervisor::refuse_successor(std::string_view reason) {
  drop_handover();
  log_.warn("the new program does not take over; this one goes on",
            {{"program", handover_.program()}, {"reason", reason}});
}

void Supervisor::look_at_handover(Time now) {
  if (!handover_.is_under_way()) return;
  if (phase_ > Phase::running) {
    drop_handover();
    return;
  }
  if (handover_.is_due(now)) {
    loop_.forget(handover_.fd());
    if (const auto objection = handover_.conclude()) refuse_successor(*objection);
  }
  if (handover_.has_passed() && phase_ == Phase::running && workers_.is_settled()) hand_over(now);
}

void Supervisor::hand_over(Time now) {
  workers_.end_lines();
  log_.end_repeats();
  log_.info("handing over", {{"program", handover_.program()}});
  notify_reloading(now);
  const std::string failure = handover_.take_place({.lock = runtime_.segment.lock_descriptor(),
                                                    .bell = bell_ ? bell_->fd() : -1,
                                                    .workers = workers_.count(),
                                                    .since = supervisor::now()});
  notify_service_manager(running_text());
  refuse_successor(failure);
}

}  // namespace mabeam::supervisor

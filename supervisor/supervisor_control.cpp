// What tools ask of the supervisor, and its configuration read again.
#include "supervisor/supervisor.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace mabeam::supervisor {
namespace {

using shm::ControlAnswer;
using shm::ControlCommand;
using shm::ControlVerdict;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

void add_all(ControlAnswer& answer, const std::string& word,
             const std::vector<std::string>& texts) {
  for (const std::string& text : texts)
    answer.lines.push_back({word, text});
}

ControlAnswer answer_of(Said said) {
  ControlAnswer answer{said.verdict, {}};
  if (!said.reason.empty()) answer.lines.push_back({"reason", std::move(said.reason)});
  return answer;
}

std::uint32_t number_of(std::uint64_t word) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(word, UINT32_MAX));
}

}  // namespace

void Supervisor::hear() {
  for (const Question& question : bell_->hear()) {
    if (question.head.deadline_ns < now().count()) continue;  // nobody waits for it any more
    bell_->answer(question, answer(question));
  }
}

ControlAnswer Supervisor::answer(const Question& question) {
  const std::uint64_t number = question.head.number;
  switch (question.head.command) {
    case ControlCommand::shutdown:
      return shut_down(number);
    case ControlCommand::restart:
      return answer_of(workers_.restart(number_of(number), now()));
    case ControlCommand::reload:
      return reload(number == 1);
    case ControlCommand::scale:
      return answer_of(workers_.scale(number_of(number), now()));
    case ControlCommand::breaker:
      if (number >> 32U > static_cast<std::uint8_t>(shm::BreakerMode::forced_closed)) break;
      return answer_of(workers_.set_breaker(static_cast<std::uint32_t>(number),
                                            static_cast<shm::BreakerMode>(number >> 32U), now()));
  }
  return {ControlVerdict::refused, {{"reason", "this supervisor does not know that command"}}};
}

ControlAnswer Supervisor::shut_down(std::uint64_t how) {
  if (how == 0) {
    drain("mabeam shutdown");
  } else if (phase_ < Phase::stopping) {
    stop("mabeam shutdown --now");
  }
  return {};
}

ControlAnswer Supervisor::reload(bool is_dry_run) {
  if (is_dry_run || phase_ != Phase::running) return reload_settings(is_dry_run);
  notify_reloading(now());
  ControlAnswer answer = reload_settings(false);
  const bool is_faulty = answer.verdict == ControlVerdict::configuration;
  notify_service_manager(
      running_text() +
      (is_faulty ? "; the configuration has faults, the old one is in force" : ""));
  return answer;
}

ControlAnswer Supervisor::reload_settings(bool is_dry_run) {
  const auto wanted = load_config(options_);
  if (!wanted) {
    for (const std::string& message : wanted.error().messages)
      log_.error(message);
    log_.error("the configuration has faults and is not taken; the old one stays in force");
    if (!is_dry_run) note_reload(runtime_.segment.header(), false);
    ControlAnswer answer{ControlVerdict::configuration, {}};
    add_all(answer, "fault", wanted.error().messages);
    return answer;
  }
  const ReloadPlan plan = plan_reload(runtime_.config, *wanted);
  if (!is_dry_run) {
    if (phase_ > Phase::running || workers_.is_rolling()) {
      const std::string reason = phase_ > Phase::running
                                     ? "the runtime is being stopped"
                                     : "workers are still being restarted one by one; try again";
      log_.warn("the configuration is not read again", {{"reason", reason}});
      return {ControlVerdict::busy, {{"reason", reason}}};
    }
    take(plan);
  }
  ControlAnswer answer;
  add_all(answer, "in_place", plan.changed);
  add_all(answer, "rolling", plan.rolling);
  add_all(answer, "needs_restart", plan.not_changed);
  return answer;
}

void Supervisor::take(const ReloadPlan& plan) {
  const std::uint32_t workers = runtime_.config.worker_count();
  runtime_.config = plan.config;
  store_tunables(runtime_.config, runtime_.segment.header());
  note_reload(runtime_.segment.header(), true);
  workers_.limits_changed();
  log_.configure(runtime_.config.log);
  if (set_group_read(runtime_.segment, runtime_.config.runtime.group_read) != 0) {
    log_.warn("the segment's mode cannot be changed");
  }
  log_.info("configuration read again", {{"changed", joined(plan.changed)}});
  if (!plan.not_changed.empty()) {
    log_.warn("settings that need a restart of the runtime keep their old values",
              {{"keys", joined(plan.not_changed)}});
  }
  const std::uint32_t wanted = runtime_.config.worker_count();
  if (wanted != workers) {
    const Said said = workers_.scale(wanted, now());
    if (!said.reason.empty()) {
      log_.warn("the number of workers stays as it is", {{"reason", said.reason}});
      // The next start is to do what this reload could not.
      runtime_.segment.header().workers.store(0, std::memory_order_relaxed);
    }
  }
  store_digest(runtime_.config, runtime_.segment.header());
  if (plan.rolling.empty()) return;
  log_.info("workers are restarted one by one", {{"for", joined(plan.rolling)}});
  workers_.roll(now());
}

}  // namespace mabeam::supervisor

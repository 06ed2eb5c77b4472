#include "tools/worker_text.hpp"

#include "tools/cli/human.hpp"

#include <chrono>

namespace mabeam::tools {

namespace {

std::string ago(std::int64_t unix_ns) {
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  const std::chrono::duration<double> past = now - std::chrono::nanoseconds{unix_ns};
  return human_seconds(past.count()) + " ago";
}

}  // namespace

Tone tone_of(WorkerState state) {
  switch (state) {
    case WorkerState::ready:
      return Tone::good;
    case WorkerState::killing:
    case WorkerState::failed:
    case WorkerState::open:
      return Tone::bad;
    case WorkerState::stopped:
      return Tone::plain;
    default:
      return Tone::warning;
  }
}

std::string exit_text(const std::optional<ExitView>& exit) {
  if (!exit || exit->cause == ExitCause::none) return "-";
  std::string text(to_string(exit->cause));
  if (exit->cause == ExitCause::signal) text += " " + std::to_string(exit->signal);
  if (exit->cause == ExitCause::exit) text += " " + std::to_string(exit->code);
  return text + ", " + ago(exit->time_unix_ns);
}

}  // namespace mabeam::tools

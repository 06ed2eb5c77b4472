// The words for what a view shows. A value comes from the segment, so it may be any number: one
// that no word is for is "unknown".
#include "shm/wire.hpp"

#include "mabeam/observer.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace mabeam {
namespace {

template <std::size_t N, class State>
std::string_view word_for(const std::array<std::string_view, N>& words, State state) {
  const auto index = static_cast<std::size_t>(state);
  return index < N ? words[index] : std::string_view{"unknown"};
}

}  // namespace

std::string_view to_string(RuntimeState state) {
  static constexpr std::array<std::string_view, 5> kWords{"building", "running", "draining",
                                                          "stopped", "removed"};
  return word_for(kWords, state);
}

std::string_view to_string(WorkerState state) {
  static constexpr std::array<std::string_view, 12> kWords{
      "stopped",  "starting", "ready",   "degraded", "suspect", "killing",
      "draining", "stopping", "backoff", "failed",   "open",    "half_open"};
  return word_for(kWords, state);
}

std::string_view to_string(ExitCause cause) {
  static constexpr std::array<std::string_view, 9> kWords{
      "none", "asked", "exit", "signal", "hang", "memory", "limit", "not_ready", "unknown"};
  return word_for(kWords, cause);
}

std::string_view to_string(Lifecycle lifecycle) {
  static constexpr std::array<std::string_view, 7> kWords{
      "free", "initializing", "ready", "suspended", "terminating", "resuming", "busy"};
  return word_for(kWords, lifecycle);
}

std::string_view to_string(LimitMechanism mechanism) {
  static constexpr std::array<std::string_view, 4> kWords{"none", "cgroup_v2", "cgroup_v1",
                                                          "rlimit"};
  return word_for(kWords, mechanism);
}

std::string_view to_string(HealthView::Status status) {
  static constexpr std::array<std::string_view, 3> kWords{"healthy", "degraded", "down"};
  return word_for(kWords, status);
}

}  // namespace mabeam

namespace mabeam::shm {

std::string_view dead_reason_name(DeadReason reason) {
  static constexpr std::array<std::string_view, 8> kWords{
      "unknown", "poison", "expired", "no_agent", "overflow", "corrupt", "unroutable", "shutdown"};
  return word_for(kWords, reason);
}

std::string_view kind_name(Kind kind) {
  static constexpr std::array<std::string_view, 20> kWords{
      "none",        "event",   "signal",  "request", "reply",  "create",       "stop",
      "dead_letter", "timer",   "restart", "settled", "replay", "drop",         "describe",
      "stop_many",   "suspend", "resume",  "update",  "cancel", "stop_children"};
  return word_for(kWords, kind);
}

}  // namespace mabeam::shm

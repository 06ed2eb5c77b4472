#include "supervisor/strays.hpp"

#include "shm/process.hpp"
#include "supervisor/limits/control_files.hpp"

#include <csignal>
#include <limits>

#include <unistd.h>

namespace mabeam::supervisor {
namespace {

constexpr std::string_view kVariable = "MABEAM_STARTED_BY=";

std::string_view cut(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

std::optional<std::uint32_t> parse_small(std::string_view text) {
  const auto number = parse_count(text);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

std::string started_by_text(std::string_view runtime, StartedBy by) {
  std::string text{kVariable};
  text += runtime;
  text += "/" + std::to_string(by.worker) + "/" + std::to_string(by.incarnation);
  return text;
}

std::optional<StartedBy> find_started_by(std::string_view environment, std::string_view runtime) {
  while (!environment.empty()) {
    std::string_view value = cut(environment, '\0');
    if (!value.starts_with(kVariable)) continue;
    value.remove_prefix(kVariable.size());
    if (cut(value, '/') != runtime) return std::nullopt;
    const auto worker = parse_small(cut(value, '/'));
    const auto incarnation = parse_small(value);
    if (!worker || !incarnation) return std::nullopt;
    return StartedBy{*worker, *incarnation};
  }
  return std::nullopt;
}

int kill_strays(std::string_view runtime, const std::function<bool(StartedBy by)>& lives) {
  const std::string self = std::to_string(::getpid());
  const auto text = read_control("/proc/self/task/" + self + "/children");
  std::string_view rest = text ? std::string_view{*text} : std::string_view{};
  int killed = 0;
  while (!rest.empty()) {
    const auto number = parse_small(cut(rest, ' '));
    if (!number || *number <= 1) continue;
    // A child of ours keeps its number until we have waited for it.
    const auto pid = static_cast<pid_t>(*number);
    const auto by = find_started_by(shm::read_proc(pid, "environ"), runtime);
    if (!by || lives(*by)) continue;
    killed += ::kill(pid, SIGKILL) == 0 ? 1 : 0;
  }
  return killed;
}

}  // namespace mabeam::supervisor

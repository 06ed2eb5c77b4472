#include "shm/process.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <string>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

/// The n-th word of `text`, from 0 on.
std::string_view word_at(std::string_view text, int n) {
  for (; n > 0; --n) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return {};
    text.remove_prefix(space + 1);
  }
  return text.substr(0, text.find(' '));
}

/// Who the text of /proc/PID/stat is about.
std::optional<ProcessId> parse_stat(pid_t pid, const std::string& stat, bool accepts_dead) {
  // The command's name may hold spaces and parentheses; the fields go on behind the last one.
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos || end + 2 >= stat.size()) return std::nullopt;
  const std::string_view fields = std::string_view{stat}.substr(end + 2);
  const bool is_dead = fields.starts_with('Z') || fields.starts_with('X');
  if (is_dead && !accepts_dead) return std::nullopt;
  const std::string_view start = word_at(fields, 19);  // field 22 of proc(5), starttime
  std::uint64_t ticks = 0;
  const auto [stop, error] = std::from_chars(start.data(), start.data() + start.size(), ticks);
  if (error != std::errc{}) return std::nullopt;
  return ProcessId::of(static_cast<std::uint32_t>(pid), ticks);
}

}  // namespace

// By read(), which takes an error for the end: an istreambuf_iterator would throw when the process
// dies between the open and the read (ESRCH).
std::string read_proc(pid_t pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  std::string text;
  std::array<char, 4096> part{};
  while (file.read(part.data(), part.size()) || file.gcount() > 0)
    text.append(part.data(), static_cast<std::size_t>(file.gcount()));
  return text;
}

ProcessId self_process() {
  return process_of(::getpid()).value_or(ProcessId{});
}

std::optional<ProcessId> process_of(pid_t pid) {
  return parse_stat(pid, read_proc(pid, "stat"), false);
}

std::optional<ProcessId> remains_of(pid_t pid) {
  return parse_stat(pid, read_proc(pid, "stat"), true);
}

bool is_alive(ProcessId process) {
  if (!process) return false;
  const auto pid = static_cast<pid_t>(process.pid());
  if (const auto found = process_of(pid)) return *found == process;
  return is_unreadable(pid);
}

// Out of descriptors or of memory, /proc says nothing. A zombie has a text there.
bool is_unreadable(pid_t pid) {
  return read_proc(pid, "stat").empty() && (::kill(pid, 0) == 0 || errno == EPERM);
}

std::uint64_t pid_namespace() {
  struct stat status {};

  return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

std::uint64_t anonymous_bytes(pid_t pid) {
  const std::string status = read_proc(pid, "status");
  const std::size_t line = status.find("RssAnon:");
  if (line == std::string::npos) return 0;
  std::size_t at = line + 8;
  while (at < status.size() && (status[at] == ' ' || status[at] == '\t'))
    ++at;
  std::uint64_t kib = 0;
  std::from_chars(status.data() + at, status.data() + status.size(), kib);
  return kib * 1024;
}

}  // namespace mabeam::shm

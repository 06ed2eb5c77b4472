#include "supervisor/limits/control_files.hpp"

#include "supervisor/descriptor.hpp"

#include <array>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

constexpr std::size_t kMostBytes = 64U << 10U;

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

std::optional<std::string> read_control(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 4096> part{};
  while (text.size() < kMostBytes) {
    const ssize_t bytes = ::read(file.get(), part.data(), part.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return std::nullopt;
    if (bytes == 0) break;
    text.append(part.data(), static_cast<std::size_t>(bytes));
  }
  return text;
}

int write_control(const std::string& path, std::string_view text) {
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file) return errno;
  return ::write(file.get(), text.data(), text.size()) < 0 ? errno : 0;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_keyed_count(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
      return parse_count(line.substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> read_count(const std::string& path) {
  const auto text = read_control(path);
  return text ? parse_count(*text) : std::nullopt;
}

std::optional<std::uint64_t> read_keyed_count(const std::string& path, std::string_view key) {
  const auto text = read_control(path);
  return text ? parse_keyed_count(*text, key) : std::nullopt;
}

std::vector<pid_t> read_processes(const std::string& folder) {
  std::vector<pid_t> processes;
  const auto text = read_control(folder + "/cgroup.procs");
  std::string_view rest = text ? std::string_view{*text} : std::string_view{};
  while (!rest.empty()) {
    const auto pid = parse_count(next_line(rest));
    // 0 is a process of another pid namespace; 1 and less are never ours to kill.
    if (pid && *pid > 1 && *pid <= 0x7FFFFFFF) processes.push_back(static_cast<pid_t>(*pid));
  }
  return processes;
}

}  // namespace mabeam::supervisor

#include "shm/lost_name.hpp"

#include "shm/segment.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace mabeam::shm {
namespace {

/// The pid in the last word of a line of /proc/net/unix, if that is the bell of the runtime.
std::optional<pid_t> bell_in(std::string_view line, const std::string& prefix) {
  const std::size_t at = line.rfind(' ');
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view word = line.substr(at + 1);
  if (!word.starts_with(prefix)) return std::nullopt;
  word.remove_prefix(prefix.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
  if (error != std::errc{} || end != word.data() + word.size() || pid <= 1) return std::nullopt;
  return pid;
}

bool has_open(pid_t pid, const std::string& file) {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid) + "/fd", error);
  while (!error && entry != std::filesystem::directory_iterator{}) {
    std::error_code unread;
    if (std::filesystem::read_symlink(entry->path(), unread) == file) return true;
    entry.increment(error);
  }
  return false;
}

}  // namespace

std::optional<pid_t> find_nameless_supervisor(std::string_view runtime) {
  const std::string prefix = "@mabeam-" + std::string{runtime} + "-";
  const std::string lost = path_of_segment(runtime) + " (deleted)";  // as the kernel says it
  std::ifstream sockets("/proc/net/unix");
  for (std::string line; std::getline(sockets, line);) {
    const std::optional<pid_t> pid = bell_in(line, prefix);
    if (pid && has_open(*pid, lost)) return pid;
  }
  return std::nullopt;
}

}  // namespace mabeam::shm

#include "shm/lost_name.hpp"

#include "shm/segment.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
  if (error != std::errc{} || end != word.data() + word.size() || pid <= 0) return std::nullopt;
  return pid;
}

/// True if the segment of that runtime is open there. What the descriptor is called says nothing
/// after a rename, so it is read; and nothing is opened that opening might change.
bool leads_to_segment(const std::string& descriptor, std::string_view runtime) {
  const int fd = ::open(descriptor.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return false;
  std::array<char, offsetof(Header, name) + sizeof(Header::name)> start{};
  const ssize_t bytes = ::pread(fd, start.data(), start.size(), 0);
  ::close(fd);
  std::uint64_t magic = 0;
  std::memcpy(&magic, start.data() + offsetof(Header, magic), sizeof magic);
  const char* const name = start.data() + offsetof(Header, name);
  return bytes == std::ssize(start) && magic == kMagic &&
         runtime == std::string_view{name, ::strnlen(name, sizeof(Header::name))};
}

/// Where segments are looked for, and what has the name there; zeros: nothing.
struct NamedFile {
  explicit NamedFile(std::string_view runtime) {
    if (::stat("/dev/shm", &folder) != 0 || ::lstat(path_of_segment(runtime).c_str(), &file) != 0)
      file = {};
  }

  struct stat folder {};

  struct stat file {};
};

/// True if it holds open, as only its supervisor may, a segment that is not what has the name. To
/// write: nobody else's process can have a file of ours so, and none is told of whose file is not
/// ours. Another folder's is another container's.
bool has_nameless_segment(pid_t pid, std::string_view runtime, const NamedFile& named) {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid) + "/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    const std::string descriptor = entry->path().string();

    struct stat link {};

    struct stat file {};

    if (::lstat(descriptor.c_str(), &link) != 0 || ::stat(descriptor.c_str(), &file) != 0) continue;
    const bool is_ours = file.st_uid == ::geteuid() && (link.st_mode & S_IWUSR) != 0;
    const bool is_in_folder = S_ISREG(file.st_mode) && file.st_dev == named.folder.st_dev;
    const bool has_name = file.st_dev == named.file.st_dev && file.st_ino == named.file.st_ino;
    if (is_ours && is_in_folder && !has_name && leads_to_segment(descriptor, runtime)) return true;
  }
  return false;
}

}  // namespace

std::optional<pid_t> find_nameless_supervisor(std::string_view runtime) {
  const std::string prefix = "@mabeam-" + std::string{runtime} + "-";
  const NamedFile named(runtime);
  std::ifstream sockets("/proc/net/unix");
  for (std::string line; std::getline(sockets, line);) {
    const std::optional<pid_t> pid = bell_in(line, prefix);
    if (pid && has_nameless_segment(*pid, runtime, named)) return pid;
  }
  return std::nullopt;
}

}  // namespace mabeam::shm

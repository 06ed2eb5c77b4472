#include "supervisor/stale_files.hpp"

#include "shm/clock.hpp"
#include "shm/segment.hpp"
#include "shm/segment_object.hpp"
#include "supervisor/descriptor.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

constexpr std::string_view kPrefix = "mabeam-";
constexpr std::string_view kUnfinished = ".new";

/// A file of ours that nobody has changed for that long.
bool is_old(int fd, std::chrono::seconds age) {
  struct stat status {};

  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const std::int64_t changed_ns =
      status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
  return status.st_uid == ::geteuid() &&
         shm::elapsed_ns(changed_ns, shm::unix_ns()) > std::chrono::nanoseconds{age}.count();
}

/// Of this build's layout, and marked as removed. What another build has left is its own.
bool is_marked_removed(int fd) {
  alignas(shm::Header) std::array<std::byte, sizeof(shm::Header)> bytes{};
  if (::pread(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return false;
  }
  const auto& header = *reinterpret_cast<const shm::Header*>(bytes.data());
  return header.magic == shm::kMagic && header.layout_hash == shm::layout_hash() &&
         header.checksum == shm::header_checksum(header) &&
         header.state.load() == static_cast<std::uint32_t>(RuntimeState::removed);
}

/// True for what a runtime's segment is called, and while it is being built.
bool is_segment_name(std::string_view file, bool& is_unfinished) {
  if (!file.starts_with(kPrefix)) return false;
  file.remove_prefix(kPrefix.size());
  is_unfinished = file.ends_with(kUnfinished);
  if (is_unfinished) file.remove_suffix(kUnfinished.size());
  return shm::is_runtime_name(file);
}

// The name is taken away under the file's own lock, so that it is never a successor's.
bool remove_if_stale(const std::string& path, bool is_unfinished, std::chrono::seconds age) {
  const Descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!file || !is_old(file.get(), age)) return false;
  if (!is_unfinished && !is_marked_removed(file.get())) return false;
  return shm::try_lock(file.get()) && shm::is_still_named(file.get(), path) &&
         ::unlink(path.c_str()) == 0;
}

}  // namespace

std::vector<std::string> remove_stale_segments(const std::string& folder,
                                               std::chrono::seconds age) {
  std::vector<std::string> removed;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  while (!error && entry != std::filesystem::directory_iterator{}) {
    const std::string name = entry->path().filename().string();
    bool is_unfinished = false;
    if (is_segment_name(name, is_unfinished) &&
        remove_if_stale(entry->path().string(), is_unfinished, age)) {
      removed.push_back(name);
    }
    entry.increment(error);
  }
  return removed;
}

}  // namespace mabeam::supervisor

// Where values come from, in which order, and what is said when they are wrong.
#include "supervisor/config_draft.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <tuple>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

/// Closes a file descriptor when it goes out of scope.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      // Non-blocking, so that a pipe nobody writes to cannot stop a supervisor that reloads.
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}

  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

std::string kernel_text(int error) {
  return "cannot be read: " + std::generic_category().message(error);
}

/// Appends at most `limit` bytes of the file. Returns an errno, or 0.
int read_bytes(int fd, std::size_t limit, std::string& text) {
  std::array<char, 16384> chunk{};
  while (text.size() < limit) {
    const auto count = ::read(fd, chunk.data(), std::min(chunk.size(), limit - text.size()));
    if (count == 0) return 0;
    if (count > 0) {
      text.append(chunk.data(), static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

/// The file's text, or what is wrong with the file.
tl::expected<std::string, std::string> read_file(const std::string& path) {
  const OpenFile file{path};

  struct stat status {};

  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    return tl::make_unexpected(kernel_text(errno));
  }
  if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) {  // /dev/null is an empty file
    return tl::make_unexpected(std::string{"cannot be read: not a regular file"});
  }
  std::string text;
  const int error = read_bytes(file.fd(), kConfigBytesMax + 1, text);
  if (error != 0) return tl::make_unexpected(kernel_text(error));
  if (text.size() > kConfigBytesMax) {
    return tl::make_unexpected("is too large: allowed is at most " + format_size(kConfigBytesMax));
  }
  return text;
}

/// The CPUs that this process may run on.
std::uint32_t count_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
}

const char* get_own(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a supervisor has one thread and never changes it
  return ::getenv(name);
}

void read_environment(const ConfigSources& sources, Draft& draft) {
  const auto get = sources.environment ? sources.environment : get_own;
  for (const KeyInfo& key : describe_config()) {
    const auto name = key.environment_name();
    const char* text = get(name.c_str());
    if (text) read_text(key, text, {.origin = Origin::environment, .label = name}, draft);
  }
}

void read_overrides(const ConfigSources& sources, Draft& draft) {
  for (const Override& each : sources.overrides) {
    const Place place{.origin = Origin::flag, .label = each.flag};
    const auto dot = each.key.find('.');
    const bool has_section = dot != std::string::npos;
    const auto section = has_section ? each.key.substr(0, dot) : std::string{};
    const auto key = has_section ? each.key.substr(dot + 1) : each.key;
    const auto* info = find_key(section, key);
    if (info) {
      read_text(*info, each.value, place, draft);
    } else {
      draft.refuse(place, unknown_key_text(section, key));
    }
  }
}

ConfigError sorted_messages(std::vector<Problem>& problems) {
  const auto order = [](const Problem& problem) {
    return std::tuple{problem.place.origin, problem.place.line, problem.place.column};
  };
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& one, const Problem& other) {
    return order(one) < order(other);
  });
  ConfigError error;
  for (const Problem& each : problems) {
    error.messages.push_back(each.place.text() + ": " + each.text);
  }
  return error;
}

/// All that comes after the file.
tl::expected<Config, ConfigError> finish(Draft draft, const ConfigSources& sources) {
  draft.config.cores = sources.cores == 0 ? count_cores() : sources.cores;
  read_environment(sources, draft);
  read_overrides(sources, draft);
  check_rules(draft);
  if (!draft.problems.empty()) return tl::make_unexpected(sorted_messages(draft.problems));
  return std::move(draft.config);
}

}  // namespace

tl::expected<Config, ConfigError> load_config(const std::string& path,
                                              const ConfigSources& sources) {
  Draft draft;
  if (path.empty()) return finish(std::move(draft), sources);
  const auto text = read_file(path);
  if (text) return parse_config(*text, path, sources);
  draft.refuse({.origin = Origin::file, .label = path}, text.error());
  return finish(std::move(draft), sources);
}

tl::expected<Config, ConfigError> parse_config(std::string_view text, const std::string& file,
                                               const ConfigSources& sources) {
  Draft draft;
  read_toml(text, file, draft);
  return finish(std::move(draft), sources);
}

std::uint32_t Config::worker_count() const noexcept {
  return runtime.workers.value_or(std::clamp<std::uint32_t>(cores, 1, 128));
}

std::uint32_t Config::shard_count() const noexcept {
  return runtime.shards.value_or(std::clamp<std::uint32_t>(2 * worker_count(), 4, 192));
}

std::uint64_t Config::worker_memory_soft_bytes() const noexcept {
  return limits.worker_memory_soft.of(limits.worker_memory);
}

}  // namespace mabeam::supervisor

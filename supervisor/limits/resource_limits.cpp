#include "supervisor/limits/resource_limits.hpp"

#include "shm/process.hpp"
#include "supervisor/limits/control_files.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

/// RLIMIT_NPROC counts what the user runs elsewhere: processes and threads.
std::uint64_t count_own_threads() {
  std::uint64_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto pid = parse_count(entry.path().filename().string());

    struct stat status {};

    if (!pid || ::stat(entry.path().c_str(), &status) != 0 || status.st_uid != ::getuid()) continue;
    const std::string text = shm::read_proc(static_cast<pid_t>(*pid), "status");
    const std::size_t at = text.find("\nThreads:\t");
    if (at == std::string::npos) continue;
    const std::string number = text.substr(at + 10, text.find('\n', at + 10) - at - 10);
    count += parse_count(number).value_or(1);
  }
  return count;
}

/// What this process may hand on at most.
std::uint64_t most_of(int resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return RLIM_INFINITY;
  return limit.rlim_max;
}

}  // namespace

bool is_held_to_process_limit() {
  return ::geteuid() != 0;
}

std::vector<ResourceLimit> resource_limits(const LimitsConfig& config, ResourceNeeds needs) {
  std::vector<ResourceLimit> limits{{RLIMIT_NOFILE, config.open_files}};
  if (config.core_bytes) limits.push_back({RLIMIT_CORE, *config.core_bytes});
  if (needs.memory) {
    const std::uint64_t memory = config.worker_memory;
    limits.push_back({RLIMIT_DATA, memory == 0 ? RLIM_INFINITY : memory + memory / 4});
  }
  if (needs.processes && is_held_to_process_limit()) {
    limits.push_back({RLIMIT_NPROC, count_own_threads() + config.worker_processes});
  }
  for (ResourceLimit& limit : limits)
    limit.value = std::min(limit.value, most_of(limit.resource));
  return limits;
}

void set_resource_limits(pid_t pid, const std::vector<ResourceLimit>& limits) {
  for (const ResourceLimit& limit : limits) {
    rlimit old{};
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (::prlimit(pid, resource, nullptr, &old) != 0) continue;
    const rlimit wanted{std::min<rlim_t>(limit.value, old.rlim_max), old.rlim_max};
    (void)::prlimit(pid, resource, &wanted, nullptr);
  }
}

}  // namespace mabeam::supervisor

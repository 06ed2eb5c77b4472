#include "supervisor/limits/memory_files.hpp"

#include "supervisor/limits/control_files.hpp"

#include <cerrno>

namespace mabeam::supervisor {
namespace {

/// All that is charged less the pages of files; both numbers are a moment apart.
std::optional<std::uint64_t> without_files(std::optional<std::uint64_t> charged,
                                           const std::string& stat_path, const char* inactive,
                                           const char* active) {
  const auto stat = read_control(stat_path);
  if (!charged || !stat) return std::nullopt;
  const std::uint64_t files =
      parse_keyed_count(*stat, inactive).value_or(0) + parse_keyed_count(*stat, active).value_or(0);
  return *charged > files ? *charged - files : 0;
}

// ---- version 1 -------------------------------------------------------------------------------

void bind_v1(const std::string&) {
}

// The limit with swap may not be under the one without, nor the other way round, so the one that
// stands in the way is moved first: what fails the first time works the second.
int set_limit_v1(const std::string& folder, std::uint64_t bytes) {
  const std::string text = bytes == 0 ? "-1" : std::to_string(bytes);
  const std::string memory = folder + "/memory.limit_in_bytes";
  const std::string with_swap = folder + "/memory.memsw.limit_in_bytes";
  const int first = write_control(memory, text);
  const int swap = write_control(with_swap, text);
  if (first == 0 && (swap == 0 || swap == ENOENT)) return 0;
  return write_control(memory, text);
}

std::optional<std::uint64_t> used_v1(const std::string& folder) {
  return without_files(read_count(folder + "/memory.usage_in_bytes"), folder + "/memory.stat",
                       "total_inactive_file", "total_active_file");
}

std::optional<std::uint64_t> kills_v1(const std::string& folder) {
  return read_keyed_count(folder + "/memory.oom_control", "oom_kill");
}

// ---- version 2 -------------------------------------------------------------------------------

void bind_v2(const std::string& folder) {
  write_control(folder + "/memory.oom.group", "1");
}

// memory.high is left alone: it makes a worker slow, and a slow worker is taken for a hung one.
int set_limit_v2(const std::string& folder, std::uint64_t bytes) {
  const int error =
      write_control(folder + "/memory.max", bytes == 0 ? "max" : std::to_string(bytes));
  if (error != 0) return error;
  write_control(folder + "/memory.swap.max", bytes == 0 ? "max" : "0");  // without swap: no file
  return 0;
}

std::optional<std::uint64_t> used_v2(const std::string& folder) {
  return without_files(read_count(folder + "/memory.current"), folder + "/memory.stat",
                       "inactive_file", "active_file");
}

std::optional<std::uint64_t> kills_v2(const std::string& folder) {
  return read_keyed_count(folder + "/memory.events", "oom_kill");
}

}  // namespace

const MemoryFiles kMemoryV1{bind_v1, set_limit_v1, used_v1, kills_v1, "memory.limit_in_bytes"};
const MemoryFiles kMemoryV2{bind_v2, set_limit_v2, used_v2, kills_v2, "memory.max"};

}  // namespace mabeam::supervisor

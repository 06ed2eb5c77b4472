#include "supervisor/limits/resource_limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include <sys/resource.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

std::optional<std::uint64_t> value_of(const std::vector<ResourceLimit>& limits, int resource) {
  const auto found = std::find_if(limits.begin(), limits.end(),
                                  [&](const auto& limit) { return limit.resource == resource; });
  if (found == limits.end()) return std::nullopt;
  return found->value;
}

TEST(ResourceLimits, GroupsLeaveFilesAndCoresOnly) {
  LimitsConfig config{.worker_memory = 64U << 20U, .open_files = 100};
  const auto limits = resource_limits(config, {});
  EXPECT_EQ(limits.size(), 1U);
  EXPECT_EQ(value_of(limits, RLIMIT_NOFILE), 100U);
  config.core_bytes = 0;
  EXPECT_EQ(value_of(resource_limits(config, {}), RLIMIT_CORE), 0U);
}

TEST(ResourceLimits, MemoryIsRefusedAQuarterAboveWhatTheWatchKills) {
  const LimitsConfig config{.worker_memory = 64U << 20U};
  const auto limits = resource_limits(config, {.memory = true});
  EXPECT_EQ(value_of(limits, RLIMIT_DATA), 80U << 20U);
  EXPECT_FALSE(value_of(limits, RLIMIT_AS)) << "it counts the segment";
  const auto none = resource_limits(LimitsConfig{}, {.memory = true});
  EXPECT_EQ(value_of(none, RLIMIT_DATA), RLIM_INFINITY);
}

TEST(ResourceLimits, NobodyIsPromisedMoreThanWeHave) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max == RLIM_INFINITY || files.rlim_max >= 1U << 31U) GTEST_SKIP() << "no limit";
  const LimitsConfig config{.open_files = static_cast<std::uint32_t>(files.rlim_max) + 1};
  EXPECT_EQ(value_of(resource_limits(config, {}), RLIMIT_NOFILE), files.rlim_max);
}

TEST(ResourceLimits, ProcessesAreCountedWithWhatTheUserRunsElsewhere) {
  const LimitsConfig config{.worker_processes = 7};
  const auto limit = value_of(resource_limits(config, {.processes = true}), RLIMIT_NPROC);
  EXPECT_EQ(limit.has_value(), ::geteuid() != 0);
  EXPECT_GT(limit.value_or(8), 7U);
}

}  // namespace
}  // namespace mabeam::supervisor

// The one clock of deadlines, heartbeats and latencies. Wall time is for display only.
#pragma once

#include <cstdint>
#include <ctime>

namespace mabeam::shm {

/// CLOCK_MONOTONIC in nanoseconds: the same for every process of the machine.
inline std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// CLOCK_REALTIME in nanoseconds since 1970, for display.
inline std::int64_t unix_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace mabeam::shm

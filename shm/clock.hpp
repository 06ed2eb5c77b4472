// The one clock of deadlines, heartbeats and latencies. Wall time is for display only.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>

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

/// From one time to another; wraps where a sender made its time up.
inline std::int64_t elapsed_ns(std::int64_t from_ns, std::int64_t to_ns) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(to_ns) -
                                   static_cast<std::uint64_t>(from_ns));
}

/// `timeout` from `now_ns` on, never past the end of time.
inline std::int64_t deadline_after(std::chrono::nanoseconds timeout,
                                   std::int64_t now_ns = monotonic_ns()) {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  return timeout.count() > kNever - now_ns ? kNever : now_ns + timeout.count();
}

/// The deadline of one who waits that long. 0: it does not wait at all.
inline std::int64_t end_of_wait(std::chrono::nanoseconds wait) {
  return wait.count() <= 0 ? 0 : deadline_after(wait);
}

/// A clock that is read once for many uses, since a read costs as much as handling a message. Its
/// owner refreshes it once a round of its loop.
class CachedClock {
 public:
  CachedClock() : now_ns_(monotonic_ns()) {}

  /// A clock that stands still until somebody turns it: for tests.
  explicit CachedClock(std::int64_t now_ns) : now_ns_(now_ns), is_turned_by_hand_(true) {}

  [[nodiscard]] std::int64_t now_ns() const noexcept { return now_ns_; }

  void refresh() noexcept {
    if (!is_turned_by_hand_) now_ns_ = monotonic_ns();
  }

  void turn_to(std::int64_t now_ns) noexcept { now_ns_ = now_ns; }

  /// What happened elsewhere at `time_ns` has been seen here: now is not before it. A time from
  /// the future is no reason to believe it.
  void catch_up(std::int64_t time_ns) noexcept {
    if (time_ns > now_ns_) refresh();
  }

 private:
  std::int64_t now_ns_;
  bool is_turned_by_hand_ = false;
};

}  // namespace mabeam::shm

// Retries: how long to wait before one, and whether there may be one at all.
//
// Waits have full jitter (AWS): a random time up to a ceiling that doubles, so that callers who
// were refused together do not come back together. The budget (Finagle) counts the last ten
// seconds: retries are at most a fifth of the calls, and a few more, so that an overload is not
// made worse by those who meet it. Both are told the time, and own no clock.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>

namespace mabeam::shm {

struct Backoff {
  std::chrono::nanoseconds min{};
  std::chrono::nanoseconds max{};

  /// What the wait before the n-th retry, from 1 on, is at most.
  [[nodiscard]] constexpr std::chrono::nanoseconds ceiling(std::uint32_t retry) const {
    std::int64_t most_ns = min.count();
    for (; retry > 1 && most_ns < max.count() - most_ns; --retry)
      most_ns *= 2;
    if (retry > 1) most_ns = max.count();
    return std::chrono::nanoseconds{
        std::clamp<std::int64_t>(most_ns, 0, std::max<std::int64_t>(max.count(), 0))};
  }

  template <class Random>
  [[nodiscard]] std::chrono::nanoseconds delay(std::uint32_t retry, Random& random) const {
    std::uniform_int_distribution<std::int64_t> any{0, ceiling(retry).count()};
    return std::chrono::nanoseconds{any(random)};
  }
};

class RetryBudget {
 public:
  static constexpr std::int64_t kBucketNs = 1'000'000'000;
  static constexpr std::size_t kBuckets = 10;
  static constexpr std::uint64_t kCallsForOne = 5;  ///< calls that earn a retry
  static constexpr std::uint64_t kReserve = 10;     ///< retries that need not be earned

  void note_call(std::int64_t now_ns) { ++bucket(now_ns).calls; }

  /// True if there may be one, which is counted then.
  bool take_retry(std::int64_t now_ns) {
    Bucket& now = bucket(now_ns);
    std::uint64_t calls = 0;
    std::uint64_t retries = 0;
    for (const Bucket& each : buckets_) {
      if (each.number + static_cast<std::int64_t>(kBuckets) <= now.number) continue;
      calls += each.calls;
      retries += each.retries;
    }
    if (retries >= calls / kCallsForOne + kReserve) return false;
    ++now.retries;
    return true;
  }

 private:
  struct Bucket {
    std::int64_t number = 0;  // of its second
    std::uint64_t calls = 0;
    std::uint64_t retries = 0;
  };

  Bucket& bucket(std::int64_t now_ns) {
    const std::int64_t number = now_ns / kBucketNs;
    Bucket& found = buckets_[static_cast<std::size_t>(number) % kBuckets];
    if (found.number != number) found = {number, 0, 0};
    return found;
  }

  std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace mabeam::shm

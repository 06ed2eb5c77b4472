// Metrics: latency histograms and working time in the segment, one writer each, so that reading
// costs the runtime nothing. Buckets are log-linear: 8 to each power of two, so a bucket is at
// most 12.5% wide. Outside turns: a message that is run again after a crash may be counted twice.
#pragma once

#include "shm/words.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace mabeam::shm {

class Histogram {
 public:
  static constexpr std::uint32_t kSubBits = 3;
  static constexpr std::uint32_t kBuckets = (64 - kSubBits + 1) << kSubBits;

  /// The owner's call; values below 0 count as 0.
  void record(std::int64_t value) noexcept {
    Word& bucket = buckets_[bucket_of(value < 0 ? 0 : static_cast<std::uint64_t>(value))];
    bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  static constexpr std::uint32_t bucket_of(std::uint64_t value) {
    if (value < (1U << kSubBits)) return static_cast<std::uint32_t>(value);
    const auto exponent = static_cast<std::uint32_t>(std::bit_width(value)) - 1 - kSubBits;
    return ((exponent + 1) << kSubBits) +
           static_cast<std::uint32_t>((value >> exponent) & ((1U << kSubBits) - 1));
  }

  /// The largest value of a bucket.
  static constexpr std::uint64_t upper_bound(std::uint32_t bucket) {
    if (bucket < (1U << kSubBits)) return bucket;
    const std::uint32_t exponent = (bucket >> kSubBits) - 1;
    const std::uint64_t base = (std::uint64_t{1} << kSubBits) + (bucket & ((1U << kSubBits) - 1));
    return ((base + 1) << exponent) - 1;
  }

  /// The smallest value of a bucket.
  static constexpr std::uint64_t lower_bound(std::uint32_t bucket) {
    return bucket == 0 ? 0 : upper_bound(bucket - 1) + 1;
  }

  [[nodiscard]] std::uint64_t count(std::uint32_t bucket) const noexcept {
    return buckets_[bucket].load(std::memory_order_relaxed);
  }

 private:
  std::array<Word, kBuckets> buckets_;
};

struct ShardMetrics {
  alignas(kLinePair) Histogram latency_ns;  ///< from the send to the commit
  Word busy_ns;                             ///< what the shard's turns have taken, all together
  Word longest_turn_ns;                     ///< a long handler is, but for turn_time, a long turn

  /// The owner's call; values below 0 count as 0.
  void note_turn(std::int64_t took_ns) noexcept {
    const std::uint64_t took = took_ns < 0 ? 0 : static_cast<std::uint64_t>(took_ns);
    busy_ns.store(busy_ns.load(std::memory_order_relaxed) + took, std::memory_order_relaxed);
    if (took <= longest_turn_ns.load(std::memory_order_relaxed)) return;
    longest_turn_ns.store(took, std::memory_order_relaxed);
  }
};

}  // namespace mabeam::shm

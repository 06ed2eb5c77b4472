// Limiter: a rate that all processes keep together, by one word.
//
// GCRA, the virtual scheduling form of a token bucket. The word `next_ns` says when the bucket will
// be full again; taking n tokens moves it on by n / rate seconds, from now at least, and is refused
// where that is further ahead than the bucket is deep. No timer fills anything, no float rounds,
// and nobody can die holding a lock.
//
// Why a lease. A compare-exchange that succeeds moves the line to whoever made it, so two processes
// that take a token each time cost one another a miss a token. A RateLease takes a chunk, what the
// rate gives in a millisecond, and spends it privately. The limit holds all the same: what is
// leased has been paid for. What a holder had left when it died, or when the setting changed, is
// lost: a chunk at most. So in any time t, rate * t + burst and two chunks, and one for each
// holder, are granted at the most.
//
// Off (a setting of 0) costs one relaxed load of a line that nobody writes.
//
// More at once than `burst` (a thousand agents in one create) is granted when the bucket is full,
// and leaves a debt behind: it is never refused for ever, and the rate holds in the long run.
//
// Outside turns: a message that is undone, or run again after a crash, has spent its tokens.
#pragma once

#include "shm/words.hpp"

#include <algorithm>
#include <cstdint>

namespace mabeam::shm {

/// What is allowed, in one word, so that nobody sees half of a change. 0 is no limit.
struct RateSetting {
  static constexpr std::uint32_t kMost = 1'000'000'000;
  static constexpr std::uint32_t kMostInChunk = 1024;

  std::uint32_t rate = 0;   ///< per second, up to kMost
  std::uint32_t burst = 0;  ///< how many at once above that, up to kMost
  bool is_shadow = false;   ///< nothing is refused, what would be is counted

  [[nodiscard]] constexpr std::uint64_t pack() const {
    if (rate == 0) return 0;
    return (is_shadow ? std::uint64_t{1} << 60U : 0) | std::uint64_t{burst} << 30U | rate;
  }

  static constexpr RateSetting unpack(std::uint64_t word) {
    constexpr std::uint64_t kMask = (std::uint64_t{1} << 30U) - 1;
    return {static_cast<std::uint32_t>(std::min<std::uint64_t>(word & kMask, kMost)),
            static_cast<std::uint32_t>(std::min<std::uint64_t>(word >> 30U & kMask, kMost)),
            (word >> 60U & 1U) != 0};
  }

  /// How many tokens are taken at a time.
  [[nodiscard]] constexpr std::uint32_t chunk() const {
    return std::clamp(rate / 1000, 1U, kMostInChunk);
  }

  /// How many may be taken at once: one and the burst; where chunks are larger, a chunk and at
  /// least another one, since what a full bucket is not given is lost, and nobody comes for each in
  /// time.
  [[nodiscard]] constexpr std::uint32_t depth() const {
    return chunk() + std::max(burst, chunk() - 1);
  }

  /// How long the rate takes to give that many. Precondition: rate != 0.
  [[nodiscard]] constexpr std::int64_t time_of(std::uint64_t tokens) const {
    const std::uint64_t whole = tokens / rate;
    const std::uint64_t rest = tokens % rate;
    return static_cast<std::int64_t>(whole * kSecond + (rest * kSecond + rate / 2) / rate);
  }

 private:
  static constexpr std::uint64_t kSecond = 1'000'000'000;
};

static_assert(RateSetting::kMost < 1U << 30U);

/// What became of tokens, by fetch_add of whoever asked for them.
struct RateTally {
  Word granted;
  Word refused;
};

/// What all who are kept to a rate together share.
struct RateBucket {
  alignas(kLinePair) Word next_ns;  ///< compare-exchange by whoever takes tokens
  RateTally tally;
};

static_assert(sizeof(RateBucket) == kLinePair);

/// What became of a wish for tokens.
struct RateVerdict {
  bool is_allowed = true;
  std::int64_t retry_after_ns = 0;  ///< where it is not: when it may be allowed
};

/// Takes that many tokens, all or none. `next_ns`: when the bucket will be full again.
RateVerdict take_tokens(Word& next_ns, RateSetting setting, std::uint64_t tokens,
                        std::int64_t now_ns) noexcept;

/// One process's share of a rate; one for each thread that decides.
class RateLease {
 public:
  /// May `count` happen now? `setting` is a RateSetting's word. `clock` gives nanoseconds, and is
  /// asked only where tokens run out.
  template <class Clock>
  RateVerdict take(std::uint64_t setting, Word& next_ns, RateTally& tally, std::uint64_t count,
                   Clock&& clock) noexcept {
    if (setting == 0) return {};
    if (setting == setting_ && left_ >= count) [[likely]] {
      left_ -= count;
      return {};
    }
    return renew(setting, next_ns, tally, count, clock());
  }

  template <class Clock>
  RateVerdict take(std::uint64_t setting, RateBucket& bucket, std::uint64_t count,
                   Clock&& clock) noexcept {
    return take(setting, bucket.next_ns, bucket.tally, count, clock);
  }

  /// What take() has granted has not been done: another rate refused it. In shadow mode it may have
  /// cost nothing, so nothing comes back.
  void give_back(std::uint64_t count) noexcept {
    if (setting_ != 0 && !RateSetting::unpack(setting_).is_shadow) left_ += count;
  }

  /// Tokens that are paid for and not spent.
  [[nodiscard]] std::uint64_t left() const { return left_; }

 private:
  RateVerdict renew(std::uint64_t setting, Word& next_ns, RateTally& tally, std::uint64_t count,
                    std::int64_t now_ns) noexcept;

  std::uint64_t setting_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace mabeam::shm

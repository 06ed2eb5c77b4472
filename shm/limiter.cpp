#include "shm/limiter.hpp"

namespace mabeam::shm {
namespace {

/// No debt is longer than this: a word that is further ahead is damaged, and taken for now.
constexpr std::int64_t kLongestDebt = 3'600'000'000'000;

}  // namespace

RateVerdict take_tokens(Word& next_ns, RateSetting setting, std::uint64_t tokens,
                        std::int64_t now_ns) noexcept {
  const std::int64_t cost = std::min(setting.time_of(tokens), kLongestDebt / 2);
  const std::int64_t room = std::max(setting.time_of(setting.depth()), cost);
  std::uint64_t seen = next_ns.load(std::memory_order_relaxed);
  for (;;) {
    const auto next = static_cast<std::int64_t>(seen);
    const bool is_sound = next >= 0 && next - now_ns <= kLongestDebt;
    const std::int64_t start = is_sound ? std::max(next, now_ns) : now_ns;
    const std::int64_t too_far = start + cost - now_ns - room;
    if (too_far > 0) return {false, too_far};
    const auto moved = static_cast<std::uint64_t>(start + cost);
    if (next_ns.compare_exchange_weak(seen, moved, std::memory_order_relaxed)) return {};
  }
}

RateVerdict RateLease::renew(std::uint64_t setting, Word& next_ns, RateTally& tally,
                             std::uint64_t count, std::int64_t now_ns) noexcept {
  if (setting != setting_) {
    setting_ = setting;
    left_ = 0;
  }
  const RateSetting values = RateSetting::unpack(setting);
  if (values.rate == 0) return {};              // no word that we have written
  const std::uint64_t missing = count - left_;  // take() saw to it that there are too few
  const std::uint64_t chunk = values.chunk();
  const std::uint64_t tokens = (missing + chunk - 1) / chunk * chunk;
  const RateVerdict verdict = take_tokens(next_ns, values, tokens, now_ns);
  if (verdict.is_allowed) {
    tally.granted.fetch_add(tokens, std::memory_order_relaxed);
    left_ += tokens - count;
    return {};
  }
  tally.refused.fetch_add(count, std::memory_order_relaxed);
  if (values.is_shadow) return {};
  return verdict;
}

}  // namespace mabeam::shm

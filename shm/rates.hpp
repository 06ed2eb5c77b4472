// Rates: what one process, or one shard, may still do of what the configuration's [rates] allow.
// Asked where something begins: by clients, and by the handlers of agents.
#pragma once

#include "shm/clock.hpp"
#include "shm/limits.hpp"

#include "mabeam/result.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace mabeam::shm {

class Rates {
 public:
  /// `limits` outlives this.
  explicit Rates(LimitsRegion& limits) : limits_(&limits) {}

  /// May that happen `count` times now? Where there is no limit this costs one relaxed load.
  /// Errors: rate_limited, with the milliseconds after which it may.
  Result<> take(RateKind kind, std::uint64_t count = 1) noexcept {
    const auto index = static_cast<std::size_t>(kind);
    const RateVerdict verdict =
        leases_[index].take(limits_->rates[index], count, [] { return monotonic_ns(); });
    if (verdict.is_allowed) [[likely]]
      return {};
    return fail(Errc::rate_limited, milliseconds(verdict.retry_after_ns));
  }

 private:
  /// Rounded up, since a call that comes too early is refused again.
  static std::uint16_t milliseconds(std::int64_t time_ns) noexcept {
    return static_cast<std::uint16_t>(std::clamp<std::int64_t>(
        (time_ns + 999'999) / 1'000'000, 1, std::numeric_limits<std::uint16_t>::max()));
  }

  LimitsRegion* limits_;
  std::array<RateLease, kRates> leases_;
};

}  // namespace mabeam::shm

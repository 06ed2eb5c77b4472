// When to try again, as an Error tells it: rate_limited, circuit_open.
#pragma once

#include <algorithm>
#include <cstdint>

namespace mabeam::shm {

/// Milliseconds, 1 to 65535; rounded up, since who comes too early is refused again.
constexpr std::uint16_t retry_after_ms(std::int64_t time_ns) {
  const std::int64_t whole = time_ns / 1'000'000 + (time_ns % 1'000'000 > 0 ? 1 : 0);
  return static_cast<std::uint16_t>(std::clamp<std::int64_t>(whole, 1, UINT16_MAX));
}

}  // namespace mabeam::shm

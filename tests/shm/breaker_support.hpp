// What the breaker's tests share: rules, and times.
#pragma once

#include "shm/breaker.hpp"

#include <cstdint>

namespace mabeam::shm {

inline constexpr std::int64_t kMs = 1'000'000;
inline constexpr std::int64_t kSecond = 1000 * kMs;
inline constexpr double kMiddle = 0.5;  // no jitter

inline constexpr BreakerRules kRules{.failure_threshold = 3,
                                     .window_ns = 10 * kSecond,
                                     .recovery_timeout_ns = 4 * kSecond,
                                     .half_open_max_calls = 2};

}  // namespace mabeam::shm

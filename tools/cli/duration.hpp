// Durations as people type them: "50us", "250ms", "5s", "1m", "2h".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace mabeam::tools {

/// Digits, with at most one point, and a unit (ns, us, ms, s, m, h). Nothing for any other text,
/// and for what does not fit 64 bits of nanoseconds.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace mabeam::tools

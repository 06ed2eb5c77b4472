// Numbers in as few cells as a screen's columns have.
#pragma once

#include <cstdint>
#include <string>

namespace mabeam::tools {

/// "0", "0.4", "999", "12.3k", "4.5M".
std::string short_number(double number);

/// "512B", "46.0M", "1.2G": binary units.
std::string short_bytes(std::uint64_t bytes);

/// "740ns", "12.3us", "1.5ms", "112ms", "2.0s".
std::string short_latency(std::uint64_t nanoseconds);

/// "3s", "5m", "2h", "4d".
std::string short_age(double seconds);

/// "12%", of a ratio.
std::string short_percent(double ratio);

}  // namespace mabeam::tools

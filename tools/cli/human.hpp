// Numbers as a person reads them in a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mabeam::tools {

/// "512 B", "46.0 MiB".
std::string human_bytes(std::uint64_t bytes);

/// "0.4 s", "59 s", "3 m 20 s", "5 h 1 m", "12 d 3 h".
std::string human_seconds(double seconds);

/// "740 ns", "12.3 us", "1.50 ms", "2.00 s".
std::string human_latency(std::uint64_t nanoseconds);

/// "1,234,567".
std::string human_count(std::uint64_t count);

/// "one,two"; "-" for none.
std::string human_list(const std::vector<std::string>& words);

}  // namespace mabeam::tools

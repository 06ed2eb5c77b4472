#include "tools/cli/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace mabeam::tools {

namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};

constexpr std::array kUnits{Unit{"ns", 1},  Unit{"us", 1e3}, Unit{"ms", 1e6},
                            Unit{"s", 1e9}, Unit{"m", 60e9}, Unit{"h", 3600e9}};

// The largest double below 2^63.
constexpr double kMost = 9223372036854774784.0;

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const std::size_t split = text.find_first_not_of("0123456789.");
  if (split == 0 || split == std::string_view::npos) return std::nullopt;
  double number = 0;
  const char* const end = text.data() + split;
  const auto [stopped, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (unit.name != text.substr(split)) continue;
    const double total = number * unit.nanoseconds;
    if (total > kMost) return std::nullopt;
    return std::chrono::nanoseconds{std::llround(total)};
  }
  return std::nullopt;
}

}  // namespace mabeam::tools

#include "tools/top/short_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace mabeam::tools {

namespace {

/// One digit behind the point below 100, else none.
std::string three_digits(double number, std::string_view unit) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), number < 99.95 ? "%.1f" : "%.0f", number);
  return text.data() + std::string{unit};
}

}  // namespace

std::string short_number(double number) {
  constexpr std::array<std::string_view, 5> kUnits{"", "k", "M", "G", "T"};
  double rest = std::clamp(number, 0.0, 1e15);
  if (rest == 0) return "0";
  if (rest < 9.95 && rest != std::floor(rest)) return three_digits(rest, "");
  rest = std::round(rest);
  if (rest < 1000) return std::to_string(static_cast<int>(rest));
  std::size_t unit = 0;
  while (rest >= 999.5 && unit + 1 < kUnits.size()) {
    rest /= 1000;
    ++unit;
  }
  return three_digits(rest, kUnits.at(unit));
}

std::string short_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits{"K", "M", "G", "T", "P", "E"};
  if (bytes < 1024) return std::to_string(bytes) + "B";
  double rest = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (rest >= 1023.5 && unit + 1 < kUnits.size()) {
    rest /= 1024;
    ++unit;
  }
  return three_digits(rest, kUnits.at(unit));
}

std::string short_latency(std::uint64_t nanoseconds) {
  constexpr std::array<std::string_view, 3> kUnits{"us", "ms", "s"};
  if (nanoseconds < 1000) return std::to_string(nanoseconds) + "ns";
  double rest = static_cast<double>(nanoseconds) / 1000;
  std::size_t unit = 0;
  while (rest >= 999.5 && unit + 1 < kUnits.size()) {
    rest /= 1000;
    ++unit;
  }
  return three_digits(rest, kUnits.at(unit));
}

std::string short_age(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 1e12));
  if (whole < 60) return std::to_string(whole) + "s";
  if (whole < 3600) return std::to_string(whole / 60) + "m";
  if (whole < 86400) return std::to_string(whole / 3600) + "h";
  return std::to_string(whole / 86400) + "d";
}

std::string short_percent(double ratio) {
  return std::to_string(std::llround(std::clamp(ratio, 0.0, 1e6) * 100)) + "%";
}

}  // namespace mabeam::tools

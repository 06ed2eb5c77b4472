#include "tools/cli/human.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace mabeam::tools {

namespace {

std::string fixed(double number, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, number);
  return text.data();
}

std::string two_units(std::uint64_t large, std::string_view large_unit, std::uint64_t small,
                      std::string_view small_unit) {
  std::string text = std::to_string(large) + " " + std::string(large_unit);
  if (small != 0) text += " " + std::to_string(small) + " " + std::string(small_unit);
  return text;
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double number = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 would round to "1024.0 KiB".
  while (number >= 1023.95 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  return fixed(number, 1) + " " + std::string(kUnits.at(unit));
}

std::string human_seconds(double seconds) {
  const double bounded = std::clamp(seconds, 0.0, 1e15);
  if (bounded < 10) return fixed(bounded, 1) + " s";
  const auto whole = static_cast<std::uint64_t>(bounded);
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return two_units(whole / 60, "m", whole % 60, "s");
  if (whole < 86400) return two_units(whole / 3600, "h", whole / 60 % 60, "m");
  return two_units(whole / 86400, "d", whole / 3600 % 24, "h");
}

std::string human_latency(std::uint64_t nanoseconds) {
  const auto number = static_cast<double>(nanoseconds);
  if (nanoseconds < 1000) return std::to_string(nanoseconds) + " ns";
  if (nanoseconds < 1'000'000) return fixed(number / 1e3, 1) + " us";
  if (nanoseconds < 1'000'000'000) return fixed(number / 1e6, 2) + " ms";
  return fixed(number / 1e9, 2) + " s";
}

std::string human_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3; at -= 3)
    text.insert(at - 3, ",");
  return text;
}

std::string human_list(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "-" : text;
}

}  // namespace mabeam::tools

#include "supervisor/config_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;

/// A unit and what one of it is worth, in bytes or nanoseconds.
struct Unit {
  std::string_view name;
  std::uint64_t worth;
};

constexpr std::array kSizeUnits{Unit{"TiB", 1ULL << 40U},
                                Unit{"GiB", 1ULL << 30U},
                                Unit{"MiB", 1ULL << 20U},
                                Unit{"KiB", 1ULL << 10U},
                                Unit{"B", 1},
                                Unit{"", 1}};

constexpr std::array kTimeUnits{Unit{"d", 86'400'000'000'000},
                                Unit{"h", 3'600'000'000'000},
                                Unit{"m", 60'000'000'000},
                                Unit{"s", 1'000'000'000},
                                Unit{"ms", 1'000'000},
                                Unit{"us", 1'000},
                                Unit{"ns", 1}};

/// A sun_path is 108 bytes with its NUL.
constexpr std::size_t kUnixPathBytesMax = 107;

/// Takes a decimal number off the front of `text`; nothing when there is none or it overflows.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const auto number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

/// A number, at most one space, a unit; nothing when the product does not fit 64 bits.
std::optional<std::uint64_t> parse_measure(std::string_view text, std::span<const Unit> units) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
  const auto* const unit = std::find_if(units.data(), units.data() + units.size(),
                                        [&](const Unit& each) { return each.name == text; });
  if (unit == units.data() + units.size()) return std::nullopt;
  if (*number > std::numeric_limits<std::uint64_t>::max() / unit->worth) return std::nullopt;
  return *number * unit->worth;
}

/// "5" or "0-3" as a pair of first and last.
std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_cpu_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_number(text.substr(dash + 1));
  if (!first || !last || *first > *last || *last >= kCpuCountMax) return std::nullopt;
  return std::pair{static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*last)};
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// A host by form: an IPv6 address in brackets, or letters, digits, dots and dashes.
bool is_host(std::string_view host) {
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets) host = host.substr(1, host.size() - 2);
  const std::string_view allowed = in_brackets ? "0123456789abcdefABCDEF:.%"
                                               : "0123456789abcdefghijklmnopqrstuvwxyz"
                                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
  return !host.empty() && host.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

std::uint64_t SizeOrPercent::of(std::uint64_t whole_bytes) const noexcept {
  if (percent == 0) return bytes;
  return whole_bytes / 100 * percent + whole_bytes % 100 * percent / 100;  // never overflows
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_measure(text, kSizeUnits);
}

std::string format_size(std::uint64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (bytes == 0 || unit.worth == 1) break;
    if (bytes % unit.worth == 0) return std::to_string(bytes / unit.worth).append(unit.name);
  }
  return std::to_string(bytes);
}

std::optional<std::chrono::nanoseconds> parse_time(std::string_view text) {
  if (text == "0") return 0ns;
  const auto count = parse_measure(text, kTimeUnits);
  if (!count || *count > static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count())) {
    return std::nullopt;
  }
  return std::chrono::nanoseconds{*count};
}

std::string format_time(std::chrono::nanoseconds time) {
  if (time == 0ns) return "0s";
  const auto count = static_cast<std::uint64_t>(time.count());
  for (const Unit& unit : kTimeUnits) {
    // "60s" and "48h" are how people write those times; "1m" and "2d" are not.
    if (unit.name == "d" || unit.name == "m") continue;
    if (count % unit.worth == 0) return std::to_string(count / unit.worth).append(unit.name);
  }
  return std::to_string(count) + "ns";
}

std::optional<SizeOrPercent> parse_size_or_percent(std::string_view text) {
  if (!text.ends_with('%')) {
    const auto bytes = parse_size(text);
    return bytes ? std::optional{SizeOrPercent{.bytes = *bytes}} : std::nullopt;
  }
  const auto percent = parse_number(text.substr(0, text.size() - 1));
  if (!percent || *percent < 1 || *percent > 100) return std::nullopt;
  return SizeOrPercent{.percent = static_cast<std::uint32_t>(*percent)};
}

std::string format_size_or_percent(SizeOrPercent value) {
  return value.percent == 0 ? format_size(value.bytes) : std::to_string(value.percent) + "%";
}

std::optional<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text) {
  std::vector<bool> chosen(kCpuCountMax);
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto range = parse_cpu_range(text.substr(0, comma));
    if (!range || comma == text.size() - 1) return std::nullopt;
    for (auto cpu = range->first; cpu <= range->second; ++cpu)
      chosen[cpu] = true;
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  std::vector<std::uint32_t> cpus;
  for (std::uint32_t cpu = 0; cpu < kCpuCountMax; ++cpu) {
    if (chosen[cpu]) cpus.push_back(cpu);
  }
  return cpus;
}

std::string format_cpu_list(const std::vector<std::uint32_t>& cpus) {
  std::string text;
  for (std::size_t first = 0; first < cpus.size();) {
    std::size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1)
      ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[first]);
    if (last > first) text.append("-").append(std::to_string(cpus[last]));
    first = last + 1;
  }
  return text;
}

bool is_runtime_name(std::string_view text) {
  if (text.empty() || text.size() > 32 || !is_name_character(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_name_character(c) || c == '_' || c == '-'; });
}

bool is_path(std::string_view text) {
  return !text.empty() && text.size() <= kPathBytesMax &&
         std::none_of(text.begin(), text.end(), is_control);
}

bool is_listen_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    const auto path = text.substr(kUnix.size());
    return is_path(path) && path.size() <= kUnixPathBytesMax;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_host(text.substr(0, colon))) return false;
  const auto port = parse_number(text.substr(colon + 1));
  return port && *port <= 65535;
}

}  // namespace mabeam::supervisor

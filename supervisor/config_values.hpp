// The small languages inside configuration values: sizes, times, percentages, CPU lists, names,
// addresses. Each parse_ call takes the whole text or nothing; each format_ call writes what parse_
// reads back to the same value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::supervisor {

/// CPU numbers that the kernel's fixed-size affinity mask (cpu_set_t) can hold: 0 to 1023.
inline constexpr std::uint32_t kCpuCountMax = 1024;

/// The longest path, without its ending NUL, that the kernel takes.
inline constexpr std::size_t kPathBytesMax = 4095;

/// A share of something else, in per cent, or a size of its own when `percent` is 0.
struct SizeOrPercent {
  std::uint64_t bytes = 0;
  std::uint32_t percent = 0;

  /// The size meant, given what a percentage is taken of.
  [[nodiscard]] std::uint64_t of(std::uint64_t whole_bytes) const noexcept;

  friend bool operator==(const SizeOrPercent&, const SizeOrPercent&) = default;
};

/// Bytes from "4096", "4096B", "64KiB", "256MiB", "4GiB", "1TiB". Units are powers of 1024 and
/// spelt so: "MB" is refused, since half of its users mean one thing and half the other.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// A time from "50us", "250ms", "10s", "5m", "24h", "7d" or "0". A number other than 0 needs a
/// unit.
std::optional<std::chrono::nanoseconds> parse_time(std::string_view text);
std::string format_time(std::chrono::nanoseconds time);

/// A size, or "1%" to "100%".
std::optional<SizeOrPercent> parse_size_or_percent(std::string_view text);
std::string format_size_or_percent(SizeOrPercent value);

/// The CPUs of a list in the kernel's notation, "0-3,5", ascending, each once. "" is none.
std::optional<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text);
std::string format_cpu_list(const std::vector<std::uint32_t>& cpus);

/// `[a-z0-9][a-z0-9_-]{0,31}`: it becomes part of a file name in /dev/shm.
bool is_runtime_name(std::string_view text);

/// 1 to 4095 bytes without control characters. Whether the file exists is another question.
bool is_path(std::string_view text);

/// ADDRESS:PORT, [IPV6]:PORT or unix:PATH, by form alone.
bool is_listen_address(std::string_view text);

}  // namespace mabeam::supervisor

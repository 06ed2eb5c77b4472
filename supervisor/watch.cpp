#include "supervisor/watch.hpp"

#include "supervisor/descriptor.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fcntl.h>

namespace mabeam::supervisor {
namespace {

constexpr Time kLongestScan = std::chrono::milliseconds{250};
constexpr Time kShortestScan = std::chrono::milliseconds{1};

}  // namespace

Hearing Watch::judge(Time now, Time timeout) const {
  const Time silent = silence(now);
  if (timeout == Time{0} || silent <= timeout / 5) return Hearing::fresh;
  return silent <= timeout ? Hearing::suspect : Hearing::hung;
}

Time scan_period(Time timeout) {
  if (timeout == Time{0}) return kLongestScan;
  return std::clamp(timeout / 10, kShortestScan, kLongestScan);
}

// A look is made once a period and takes a moment, so up to one more period is nothing unusual.
Time OwnLag::measure(Time now, Time period) {
  const Time since = last_ == Time{0} ? Time{0} : now - last_;
  last_ = now;
  return since > 2 * period ? since - period : Time{0};
}

bool is_traced(pid_t pid) {
  constexpr std::string_view kField = "TracerPid:\t";
  const Descriptor file{
      ::open(("/proc/" + std::to_string(pid) + "/status").c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 1024> text{};  // the field is among the first ten
  const auto bytes = ::read(file.get(), text.data(), text.size());
  if (bytes <= 0) return false;
  const std::string_view status{text.data(), static_cast<std::size_t>(bytes)};
  const std::size_t at = status.find(kField);
  return at != std::string_view::npos && !status.substr(at + kField.size()).starts_with("0\n");
}

}  // namespace mabeam::supervisor

// Times: how long the same thing took, each time.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace mabeam::tests {

class Times {
 public:
  void add(std::chrono::nanoseconds time) { times_.push_back(time); }

  [[nodiscard]] std::size_t count() const { return times_.size(); }

  /// "median 1.50, longest 20.00 ms"
  [[nodiscard]] std::string text() const {
    if (times_.empty()) return "none";
    std::vector<std::chrono::nanoseconds> sorted = times_;
    std::sort(sorted.begin(), sorted.end());
    std::array<char, 64> out{};
    std::snprintf(out.data(), out.size(), "median %.2f, longest %.2f ms",
                  in_ms(sorted[sorted.size() / 2]), in_ms(sorted.back()));
    return out.data();
  }

 private:
  static double in_ms(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
  }

  std::vector<std::chrono::nanoseconds> times_;
};

}  // namespace mabeam::tests

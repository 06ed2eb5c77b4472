// Sparklines: how a number went, in one line of cells.
#pragma once

#include "tools/top/cells.hpp"

#include <cstddef>
#include <deque>
#include <string>

namespace mabeam::tools {

/// The last values of a number, the newest at the end.
class Trend {
 public:
  static constexpr std::size_t kMost = 256;

  void add(double value) {
    values_.push_back(value);
    if (values_.size() > kMost) values_.pop_front();
  }

  [[nodiscard]] const std::deque<double>& values() const { return values_; }

  /// Of the newest so many; 0 where there are none.
  [[nodiscard]] double largest(std::size_t newest) const;

 private:
  std::deque<double> values_;
};

/// The newest `cells` values, each between 0 and the largest of them; blanks where there are none.
std::string sparkline(const Trend& trend, std::size_t cells, Charset charset);

}  // namespace mabeam::tools

// Quantiles of what rounds have measured.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace mabeam::bench {

/// The value that a share `q` of 0 to 1 of them is not above; `values` is not empty.
inline double quantile(std::vector<double> values, double q) {
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

inline double median(const std::vector<double>& values) {
  return quantile(values, 0.5);
}

}  // namespace mabeam::bench

#include "tools/top/sparkline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace mabeam::tools {

namespace {

constexpr std::size_t kSparkLevels = 8;
constexpr std::array<std::string_view, kSparkLevels> kBlocks{
    "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
constexpr std::array<std::string_view, kSparkLevels> kMarks{"_", ".", ":", "-", "=", "+", "*", "#"};

std::size_t level_of(double value, double most) {
  if (!(value > 0) || !(most > 0)) return 0;
  const double level = std::ceil(value / most * (kSparkLevels - 1));
  return static_cast<std::size_t>(std::clamp(level, 0.0, double{kSparkLevels - 1}));
}

}  // namespace

double Trend::largest(std::size_t newest) const {
  const auto count = static_cast<std::ptrdiff_t>(std::min(values_.size(), newest));
  if (count == 0) return 0;
  return *std::max_element(values_.end() - count, values_.end());
}

std::string sparkline(const Trend& trend, std::size_t cells, Charset charset) {
  const auto& levels = charset == Charset::utf8 ? kBlocks : kMarks;
  const std::size_t shown = std::min(trend.values().size(), cells);
  const auto first = trend.values().end() - static_cast<std::ptrdiff_t>(shown);
  const double most = trend.largest(cells);
  std::string line(cells - shown, ' ');
  for (auto value = first; value != trend.values().end(); ++value)
    line += levels[level_of(*value, most)];
  return line;
}

}  // namespace mabeam::tools

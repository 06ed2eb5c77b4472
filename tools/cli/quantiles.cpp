#include "tools/cli/quantiles.hpp"

#include <algorithm>
#include <cstddef>

namespace mabeam::tools {

namespace {

std::uint64_t at_rank(const std::vector<std::uint64_t>& sorted, std::size_t per_mille) {
  const std::size_t rank = (sorted.size() * per_mille + 999) / 1000;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

Quantiles quantiles_of(std::vector<std::uint64_t> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  return {
      .p50 = at_rank(samples, 500), .p99 = at_rank(samples, 990), .p999 = at_rank(samples, 999)};
}

}  // namespace mabeam::tools

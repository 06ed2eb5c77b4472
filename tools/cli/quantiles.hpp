// Quantiles of a set of samples.
#pragma once

#include <cstdint>
#include <vector>

namespace mabeam::tools {

struct Quantiles {
  std::uint64_t p50 = 0;
  std::uint64_t p99 = 0;
  std::uint64_t p999 = 0;

  friend bool operator==(const Quantiles&, const Quantiles&) = default;
};

/// By nearest rank: the smallest sample that at least that part of all is not above. Zeros for no
/// samples.
Quantiles quantiles_of(std::vector<std::uint64_t> samples);

}  // namespace mabeam::tools

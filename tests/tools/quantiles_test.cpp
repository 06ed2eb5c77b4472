#include "tools/cli/quantiles.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace mabeam::tools {

namespace {

TEST(Quantiles, NearestRankOfAThousand) {
  std::vector<std::uint64_t> samples(1000);
  std::iota(samples.rbegin(), samples.rend(), 1U);
  EXPECT_EQ(quantiles_of(samples), (Quantiles{.p50 = 500, .p99 = 990, .p999 = 999}));
}

TEST(Quantiles, FewSamplesGiveSamples) {
  EXPECT_EQ(quantiles_of({}), Quantiles{});
  EXPECT_EQ(quantiles_of({7}), (Quantiles{.p50 = 7, .p99 = 7, .p999 = 7}));
  EXPECT_EQ(quantiles_of({9, 1}), (Quantiles{.p50 = 1, .p99 = 9, .p999 = 9}));
}

}  // namespace

}  // namespace mabeam::tools

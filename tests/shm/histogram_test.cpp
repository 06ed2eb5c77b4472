// Histogram: every value in a bucket that is at most an eighth of it wide.
#include "shm/metrics.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>

namespace mabeam::shm {
namespace {

TEST(HistogramBuckets, EveryValueLiesInItsBucket) {
  std::mt19937_64 random{3};
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    const std::uint32_t bucket = Histogram::bucket_of(value);
    ASSERT_LT(bucket, Histogram::kBuckets);
    ASSERT_LE(value, Histogram::upper_bound(bucket));
    if (bucket != 0) {
      ASSERT_GT(value, Histogram::upper_bound(bucket - 1));
    }
  }
}

TEST(HistogramBuckets, AreNarrow) {
  for (std::uint32_t bucket = 1; bucket < Histogram::kBuckets; ++bucket) {
    const std::uint64_t low = Histogram::upper_bound(bucket - 1) + 1;
    const std::uint64_t high = Histogram::upper_bound(bucket);
    ASSERT_GE(high, low) << bucket;
    ASSERT_LE(high - low, low / 8) << bucket;
    ASSERT_EQ(Histogram::bucket_of(low), bucket);
    ASSERT_EQ(Histogram::bucket_of(high), bucket);
  }
}

TEST(HistogramBuckets, TheEndsAreZeroAndTheLargestNumber) {
  EXPECT_EQ(Histogram::bucket_of(0), 0U);
  EXPECT_EQ(Histogram::bucket_of(std::numeric_limits<std::uint64_t>::max()),
            Histogram::kBuckets - 1);
  EXPECT_EQ(Histogram::upper_bound(Histogram::kBuckets - 1),
            std::numeric_limits<std::uint64_t>::max());
}

TEST(HistogramCounts, CountWhatWasRecorded) {
  const Memory memory{sizeof(ShardMetrics)};
  Histogram& histogram = reinterpret_cast<ShardMetrics*>(memory.span().data())->latency_ns;
  for (const std::int64_t value : {0, 5, 5, 1000, 1'000'000})
    histogram.record(value);
  histogram.record(-1);
  histogram.record(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(histogram.count(0), 3U);  // what is below 0 counts as 0
  EXPECT_EQ(histogram.count(5), 2U);
  EXPECT_EQ(histogram.count(Histogram::bucket_of(1000)), 1U);
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < Histogram::kBuckets; ++i)
    total += histogram.count(i);
  EXPECT_EQ(total, 7U);
}

}  // namespace
}  // namespace mabeam::shm

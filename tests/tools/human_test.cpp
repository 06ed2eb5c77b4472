#include "tools/cli/human.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace mabeam::tools {

namespace {

TEST(Human, BytesChangeTheirUnitBeforeTheyRoundToIt) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(human_bytes(48ULL << 20U), "48.0 MiB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "16384.0 PiB");
}

TEST(Human, SecondsShowTheTwoLargestUnits) {
  EXPECT_EQ(human_seconds(0.44), "0.4 s");
  EXPECT_EQ(human_seconds(59.9), "59 s");
  EXPECT_EQ(human_seconds(200), "3 m 20 s");
  EXPECT_EQ(human_seconds(18060), "5 h 1 m");
  EXPECT_EQ(human_seconds(1047600), "12 d 3 h");
}

TEST(Human, SecondsOutOfAnyRangeDoNotOverflow) {
  EXPECT_EQ(human_seconds(-5), "0.0 s");
  EXPECT_EQ(human_seconds(1e300), human_seconds(1e15));
}

TEST(Human, LatencyAndCountAreReadable) {
  EXPECT_EQ(human_latency(740), "740 ns");
  EXPECT_EQ(human_latency(12'340), "12.3 us");
  EXPECT_EQ(human_latency(1'500'000), "1.50 ms");
  EXPECT_EQ(human_latency(2'000'000'000), "2.00 s");
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1234567), "1,234,567");
}

}  // namespace

}  // namespace mabeam::tools

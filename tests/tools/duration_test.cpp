#include "tools/cli/duration.hpp"

#include <gtest/gtest.h>

namespace mabeam::tools {

namespace {

using std::chrono::nanoseconds;

TEST(Duration, EveryUnitIsRead) {
  EXPECT_EQ(parse_duration("7ns"), nanoseconds{7});
  EXPECT_EQ(parse_duration("50us"), nanoseconds{50'000});
  EXPECT_EQ(parse_duration("250ms"), nanoseconds{250'000'000});
  EXPECT_EQ(parse_duration("5s"), nanoseconds{5'000'000'000});
  EXPECT_EQ(parse_duration("1m"), nanoseconds{60'000'000'000});
  EXPECT_EQ(parse_duration("2h"), nanoseconds{7'200'000'000'000});
}

TEST(Duration, FractionsAndZeroAreRead) {
  EXPECT_EQ(parse_duration("1.5ms"), nanoseconds{1'500'000});
  EXPECT_EQ(parse_duration("0.1s"), nanoseconds{100'000'000});
  EXPECT_EQ(parse_duration("0s"), nanoseconds{0});
}

TEST(Duration, AnythingElseIsRefused) {
  for (const char* const text : {"", "5", "s", "5 s", "5sec", "-5s", "1.2.3s", ".s", "5S", "0x5s",
                                 "1e3s", "infs", "nan", " 5s", "5s "}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, WhatDoesNotFitIsRefused) {
  EXPECT_TRUE(parse_duration("2500000h"));
  EXPECT_EQ(parse_duration("2600000h"), std::nullopt);
  EXPECT_EQ(parse_duration("99999999999999999999999999999999s"), std::nullopt);
}

}  // namespace

}  // namespace mabeam::tools

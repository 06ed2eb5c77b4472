// The tests of chaos, with arguments of their own: how often workers are killed, where, and for how
// many seconds agents flood one another, or blows of all kinds fall.
//
//   mabeam_chaos_tests --gtest_filter='*RandomKills*' --kills 10000 --seed 7
//   mabeam_chaos_tests --gtest_filter='*Flood*' --seconds 30 --seed 7
//   mabeam_chaos_tests --gtest_filter='*Everything*' --seconds 60 --seed 7
#include "tests/chaos/kills.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; i += 2) {
    const std::string_view word = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = error == std::errc{} && end == value.data() + value.size();
    std::uint64_t* const setting = word == "--kills"     ? &mabeam::tests::kills().count
                                   : word == "--seed"    ? &mabeam::tests::kills().seed
                                   : word == "--seconds" ? &mabeam::tests::kills().seconds
                                                         : nullptr;
    if (!is_number || setting == nullptr) {
      std::fprintf(stderr, "usage: %s [--kills N] [--seed N] [--seconds N]\n", argv[0]);
      return 64;
    }
    *setting = number;
  }
  return RUN_ALL_TESTS();
}

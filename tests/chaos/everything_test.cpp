// Everything at once (battered_runtime.hpp): signals, calls and events go on while all kinds of
// blows fall. In the end every number has counted once and in order, every message that had to die
// is a dead letter, no process and no segment is left, and the segment is whole. Prints a line for
// each kind of blow.
//
//   mabeam_chaos_tests --gtest_filter='*Everything*' --seconds 60 --seed 7
#include "tests/chaos/battered_runtime.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class EverythingTest : public BatteredRuntime {};

TEST_F(EverythingTest, EveryNumberCountsOnceWhateverFalls) {
  const seconds time{kills().seconds_or(kSanitizer ? 5 : 10)};
  start_runtime();
  rain(time);
  const Tally tally = stop_and_count();
  std::printf("chaos: seed %llu, %lld s, %s\n", static_cast<unsigned long long>(kills().seed),
              static_cast<long long>(time.count()), tally.text().c_str());
  book_.print();
  EXPECT_TRUE(tally.is_clean());
  EXPECT_GT(tally.messages, 1000) << "nothing was at stake";
  expect_nothing_lost_silently();
  expect_all_whole();
}

}  // namespace
}  // namespace mabeam::tests

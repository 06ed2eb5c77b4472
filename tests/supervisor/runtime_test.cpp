#include "supervisor/runtime.hpp"

#include "supervisor/check.hpp"
#include "supervisor/refusals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mabeam::supervisor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(LayoutDifferences, WhatTheBudgetDecidesNeverDiffers) {
  Config small;
  small.cores = 1;
  Config large;
  large.cores = 16;
  EXPECT_THAT(layout_differences(large, *plan_dimensions(small)), IsEmpty());
}

TEST(LayoutDifferences, EveryKeyThatWasSetIsCompared) {
  Config config;
  config.runtime.shards = 5;
  config.runtime.clients = 9;
  config.runtime.max_agents = 10;
  config.runtime.max_state_bytes = 64;
  config.channels.high_bytes = 4096;
  config.events.log_bytes = 65536;
  EXPECT_EQ(layout_differences(config, *plan_dimensions({})).size(), 6U);
  EXPECT_THAT(layout_differences(config, *plan_dimensions(config)), IsEmpty());
}

TEST(CheckReport, DefaultSegmentKeepsTheBudgetOnEveryMachine) {
  for (const std::uint32_t cores : {1U, 2U, 4U, 8U, 16U, 64U, 256U}) {
    Config config;
    config.cores = cores;
    const auto layout = shm::compute_layout(*plan_dimensions(config));
    ASSERT_TRUE(layout);
    EXPECT_LE(layout->total_bytes, shm::kDefaultBudget) << cores << " cores";
  }
}

TEST(Refusal, NoRoomTellsWhatIsNeededAndWhatIsFree) {
  const Refusal refusal = refusal_of_create({Errc::no_room, 0, 28}, "prod", 64U << 20U);
  EXPECT_EQ(refusal.code, ExitCode::cannot_create);
  EXPECT_THAT(refusal.message, HasSubstr("64.0 MiB needed, /dev/shm has "));
}

TEST(Refusal, ExitCodesAreThoseOfTheContract) {
  const auto code = [](Errc errc) { return refusal_of_take_over({errc}, "prod").code; };
  EXPECT_EQ(code(Errc::in_use), ExitCode::cannot_create);
  EXPECT_EQ(code(Errc::incompatible), ExitCode::other_layout);
  EXPECT_EQ(code(Errc::bad_permissions), ExitCode::permission);
  for (const Errc errc : {Errc::corrupt, Errc::truncated, Errc::byte_order}) {
    EXPECT_EQ(code(errc), ExitCode::damaged);
  }
}

}  // namespace
}  // namespace mabeam::supervisor

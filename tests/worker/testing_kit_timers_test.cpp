// Timers in the test kit: they follow the clock that the test turns, and fire once wherever the
// worker dies.
#include "tests/support/sanitizers.hpp"

#include "mabeam/testing.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace {

using mabeam::AgentId;
using mabeam::testing::SweepReport;
using mabeam::testing::TestShard;
using std::chrono::hours;
using std::chrono::minutes;

/// Rings every hour; the second time is the last.
struct Alarm {
  static constexpr mabeam::AgentType type{.name = "alarm"};

  struct State {
    std::int64_t rang = 0;
    mabeam::TimerId timer{};
  };

  mabeam::Result<> on_start(mabeam::Context& context, State& state) const {
    const auto timer = context.set_timer("ring", hours{1}, hours{1});
    if (!timer) return mabeam::fail(timer.error());
    state.timer = *timer;
    return {};
  }

  mabeam::Result<> on_timer(mabeam::Context& context, State& state,
                            const mabeam::Timer& timer) const {
    if (++state.rang == 2) {
      if (const auto done = context.cancel_timer(state.timer); !done) return done;
    }
    return context.emit(timer.name(), state.rang);
  }
};

class KitTimers : public ::testing::Test {
 protected:
  [[nodiscard]] std::int64_t rang() const { return shard_.state<Alarm>(alarm_).rang; }

  TestShard shard_{mabeam::kTypes<Alarm>};
  AgentId alarm_ = shard_.create("alarm").value();
};

TEST_F(KitTimers, FollowTheClockOfTheTest) {
  EXPECT_FALSE(shard_.step());
  shard_.advance(minutes{59});
  EXPECT_FALSE(shard_.step());
  shard_.advance(minutes{1});
  EXPECT_EQ(shard_.run(), 1U);
  EXPECT_EQ(rang(), 1);
  shard_.kill();
  EXPECT_EQ(shard_.run(), 0U);
  shard_.advance(hours{24});
  EXPECT_EQ(shard_.run(), 1U);
  EXPECT_EQ(rang(), 2);
  shard_.advance(hours{24});
  EXPECT_EQ(shard_.run(), 0U);
  EXPECT_EQ(shard_.events().size(), 2U);
}

TEST_F(KitTimers, FireOnceWhereverTheWorkerDies) {
  if (mabeam::tests::kSanitizer)
    GTEST_SKIP() << "a sanitizer's instructions are not ours to step through";
  for (std::int64_t times = 1; times <= 2; ++times) {
    shard_.advance(hours{1});
    const SweepReport swept = shard_.sweep([&](TestShard& after) -> std::string {
      const auto count = static_cast<std::int64_t>(after.events().size());
      const std::int64_t seen = after.state<Alarm>(alarm_).rang;
      if (seen != times) return "it rang " + std::to_string(seen) + " times";
      return count == 1 ? "" : "it was heard " + std::to_string(count) + " times";
    });
    EXPECT_GT(swept.kill_points, 500U);
    EXPECT_EQ(swept.broken, 0U) << swept.first_broken;
    EXPECT_EQ(rang(), times);
    (void)shard_.events();
  }
}

}  // namespace

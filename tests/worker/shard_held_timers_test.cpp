// Timers of agents that take no messages: held back in their table, due once the agent is ready.
#include "tests/worker/shard_timers_support.hpp"

namespace mabeam::worker {
namespace {

using shm::Kind;
using Values = std::vector<std::int64_t>;

/// The next version of a ticker, which cannot bring one up, and has begun to when it finds out.
struct NextTicker : Ticker {
  static constexpr AgentType type{.name = "ticker", .state_version = 2};

  Result<> upgrade(std::uint32_t, std::span<const std::byte>, State& state) const {
    state.note(99);
    return fail(Errc::schema_mismatch);
  }
};

class ShardHeldTimers : public ShardTimers {
 protected:
  void tell(Kind kind) {
    post(agent_, "tell", {}, {.kind = kind});
    run();
    ASSERT_EQ(take(Priority::high).size(), 1U);
  }
};

TEST_F(ShardHeldTimers, FireOnceWhenTheirAgentIsReady) {
  set({.delay_ns = kHour, .period_ns = kHour, .value = 7});
  tell(Kind::suspend);
  make_due(0, 1);
  run();
  EXPECT_EQ(turn(), 0U);
  EXPECT_GT(shard().next_due_ns(), shm::monotonic_ns()) << "nobody wakes up for it";
  EXPECT_EQ(fired(), (Values{}));
  post(agent_, "note", Timing{.value = 3});
  run();
  tell(Kind::resume);
  EXPECT_EQ(fired(), (Values{3, 7})) << "what has waited comes first";
  EXPECT_TRUE(burials().empty());
}

// Its owner has died in the middle of what was replayed.
TEST_F(ShardHeldTimers, FireBehindAllThatHasWaited) {
  limits_.turn_messages = 2;
  set({.delay_ns = kHour, .value = 7});
  tell(Kind::suspend);
  for (std::int64_t value = 1; value <= 4; ++value)
    post(agent_, "note", Timing{.value = value});
  run();
  post(agent_, "tell", {}, {.kind = Kind::resume, .priority = Priority::high});
  turn();
  ASSERT_EQ(segment_.agents(0).lifecycle_of(agent_), Lifecycle::resuming);
  make_due(0, 1);
  run();
  EXPECT_EQ(fired(), (Values{1, 2, 3, 4, 7}));
}

TEST_F(ShardHeldTimers, HoldBackNobodyElses) {
  const AgentId other = create({.type = "ticker"}).value();
  set({.delay_ns = kHour, .value = 7});
  tell(Kind::suspend);
  post(other, "set", Timing{.delay_ns = kHour, .value = 8});
  run();
  make_due(0, 1);
  make_due(1, 2);
  run();
  EXPECT_EQ(state<Memory>(other).all(), (Values{8}));
}

TEST_F(ShardHeldTimers, EndWithTheirAgent) {
  set({.delay_ns = kHour, .value = 7});
  tell(Kind::suspend);
  make_due(0, 1);
  run();
  EXPECT_EQ(stop(agent_), Errc{});
  const AgentId heir = create({.type = "ticker"}).value();
  run();
  EXPECT_EQ(state<Memory>(heir).all(), (Values{}));
  EXPECT_TRUE(burials().empty());
}

TEST_F(ShardHeldTimers, OneOfAnUnknownTypeSuspendsItsAgent) {
  set({.value = 5});
  adopt(0, 50, mabeam::kTypes<Deaf>).value();
  run();
  EXPECT_EQ(segment_.agents(0).lifecycle_of(agent_), Lifecycle::suspended);
  EXPECT_TRUE(burials().empty());
  adopt(0, 51, kTypes).value();
  run();
  EXPECT_EQ(fired(), (Values{5}));
}

TEST_F(ShardHeldTimers, OneThatMeetsAnUpgradeThatFailsLeavesTheStateWhole) {
  post(agent_, "note", Timing{.value = 3});
  set({.delay_ns = kHour, .value = 5});
  make_due(0, 1);
  adopt(0, 50, mabeam::kTypes<NextTicker>).value();
  run();
  EXPECT_EQ(segment_.agents(0).lifecycle_of(agent_), Lifecycle::suspended);
  EXPECT_EQ(segment_.agents(0).snapshot(agent_.slot())->reason,
            static_cast<std::uint16_t>(Errc::state_version));
  EXPECT_EQ(fired(), (Values{3}));
  adopt(0, 51, kTypes).value();
  run();
  EXPECT_EQ(fired(), (Values{3, 5}));
}

}  // namespace
}  // namespace mabeam::worker

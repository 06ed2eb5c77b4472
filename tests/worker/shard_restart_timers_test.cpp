// Agents that fail at a timer, and what becomes of timers and subscriptions when an agent restarts.
#include "shm/timers.hpp"
#include "tests/worker/life_support.hpp"
#include "worker/timers.hpp"

#include <chrono>

namespace mabeam::worker {
namespace {

using std::chrono::hours;
using Values = std::vector<std::int64_t>;

constexpr std::string_view name_of(OnFailure policy) {
  if (policy == OnFailure::keep) return "dud";
  return policy == OnFailure::restart ? "fuse" : "bomb";
}

/// Sets a timer and subscribes whenever it starts. Sets as many more as "light" says, which burn it
/// at once, or as "store" says, which never do.
template <OnFailure policy>
struct Fuse {
  static constexpr AgentType type{.name = name_of(policy), .on_failure = policy};

  struct State {
    std::int64_t starts = 0;
  };

  Result<> on_start(Context& context, State& state) const {
    ++state.starts;
    if (const auto set = context.set_timer("wait", hours{1}, hours{1}); !set) {
      return fail(set.error());
    }
    return context.subscribe("job.*");
  }

  Result<> on_signal(Context& context, State& /*state*/, const Signal& signal) const {
    if (signal.name() == "fail") return fail(Errc::schema_mismatch);
    const auto count = signal.payload().template as<std::int64_t>().value();
    for (std::int64_t i = 0; i < count; ++i) {
      const bool burns = signal.name() == "light";
      const auto set = context.set_timer("burn", burns ? hours{0} : hours{1});
      if (!set) return fail(set.error());
    }
    return {};
  }

  Result<> on_timer(Context& /*context*/, State& /*state*/, const Timer& /*timer*/) const {
    return fail(Errc::schema_mismatch);
  }
};

using Dud = Fuse<OnFailure::keep>;
using Slow = Fuse<OnFailure::restart>;
using Bomb = Fuse<OnFailure::stop>;

class ShardRestartTimers : public LifeTest {
 protected:
  ShardRestartTimers() { adopt(0, ++incarnation_, kTypes<Breeder, Dud, Slow, Bomb>).value(); }

  [[nodiscard]] std::int64_t timers() const {
    const shm::TimerTable table = segment_.timers(0);
    return std::count_if(table.begin(), table.end(),
                         [](const shm::TimerRecord& timer) { return timer.word.load() != 0; });
  }

  void tell(AgentId agent, std::string_view what, std::int64_t count = 0) {
    post(agent, what, count);
    run();
  }

  AgentId parent_ = create({.type = "breeder"}).value();
};

TEST_F(ShardRestartTimers, FailureAtATimerIsCounted) {
  const AgentId agent = create({.type = "dud"}).value();
  tell(agent, "light", 2);
  EXPECT_EQ(header(agent).failures, 2U);
  EXPECT_EQ(header(agent).handled, 3U);
  EXPECT_EQ(timers(), 1) << "those that have fired are over all the same";
}

TEST_F(ShardRestartTimers, FailureAtATimerRestarts) {
  const AgentId agent = create({.type = "fuse"}).value();
  tell(agent, "light", 1);
  EXPECT_EQ(header(agent).restarts, 1U);
  EXPECT_EQ(state<Slow::State>(agent).starts, 1) << "a fresh state";
  EXPECT_EQ(timers(), 1);
}

TEST_F(ShardRestartTimers, FailureAtATimerStopsAndIsToldToTheParent) {
  const AgentId agent = breed(parent_, "bomb").front();
  tell(agent, "light", 1);
  EXPECT_FALSE(segment_.is_alive(agent));
  EXPECT_EQ(state(parent_).all(), (Values{static_cast<std::int64_t>(agent.value())}));
}

TEST_F(ShardRestartTimers, RestartCancelsThem) {
  const AgentId agent = create({.type = "fuse"}).value();
  tell(agent, "store", 3);
  ASSERT_EQ(timers(), 4);
  tell(agent, "fail");
  EXPECT_EQ(timers(), 1) << "the one that on_start has set";
  for (const std::uint32_t keep : {0U, 1U}) {
    tell(agent, "store", 3);
    post(agent, "restart", shm::RestartRequest{.keep_state = keep}, {.kind = shm::Kind::restart});
    run();
    EXPECT_EQ(take(Priority::high).at(0).code, Errc{});
    EXPECT_EQ(timers(), 1);
  }
  adopt(0, ++incarnation_, kTypes<Breeder, Dud, Slow, Bomb>).value();
  tell(agent, "store", 1);
  EXPECT_EQ(timers(), 2) << "a successor knows the same ones";
}

TEST_F(ShardRestartTimers, RestartOfOneLeavesAnothers) {
  const AgentId agent = create({.type = "fuse"}).value();
  ASSERT_TRUE(create({.type = "fuse"}));
  tell(agent, "fail");
  EXPECT_EQ(timers(), 2);
}

// With the one of on_start they are more than a message may cancel.
TEST_F(ShardRestartTimers, TooManyOfThemEndTheAgentInstead) {
  const AgentId agent = create({.type = "fuse"}).value();
  tell(agent, "store", Timers::kMaxChanges);
  post(agent, "restart", {}, {.kind = shm::Kind::restart});
  run();
  EXPECT_EQ(take(Priority::high).at(0).code, Errc::too_many_changes);
  EXPECT_TRUE(segment_.is_alive(agent));
  EXPECT_EQ(timers(), 1 + static_cast<std::int64_t>(Timers::kMaxChanges));
  tell(agent, "fail");
  EXPECT_FALSE(segment_.is_alive(agent));
}

TEST_F(ShardRestartTimers, SubscribingOnceMoreChangesNothing) {
  const AgentId agent = create({.type = "fuse"}).value();
  const std::uint64_t delivered = record().events_delivered;
  ASSERT_EQ(subscriptions_used(), 1U);
  tell(agent, "fail");
  tell(agent, "fail");
  EXPECT_EQ(subscriptions_used(), 1U);
  emit("job.a", 1);
  run();
  EXPECT_EQ(record().events_delivered, delivered + 1);
}

}  // namespace
}  // namespace mabeam::worker

// Agents that are not durable, where other things have happened to them: suspended, of a type that
// has changed, with more timers or subscriptions than one turn may take away.
#include "shm/subscriptions.hpp"
#include "shm/timers.hpp"
#include "shm/verify.hpp"
#include "tests/worker/life_support.hpp"

#include <chrono>

namespace mabeam::worker {
namespace {

using shm::Kind;

struct Moth : Puppet {
  static constexpr AgentType type{.name = "moth", .durable = false};

  static std::string describe(const State& state) { return std::to_string(state.sum); }
};

/// The next version has a larger state.
struct GrownMoth {
  static constexpr AgentType type{.name = "moth", .state_version = 2, .durable = false};

  struct State {
    Memory memory;
    std::array<std::int64_t, 16> more{};
  };

  Result<> on_action(Context& context, State& state, const Action& action) const {
    return obey(context, state.memory, action);
  }
};

struct DurableMoth : Puppet {
  static constexpr AgentType type{.name = "moth"};
};

/// Each message sets a timer, and so does on_start, which fails while `fails`.
struct Clock {
  static constexpr AgentType type{.name = "clock", .durable = false};
  static inline bool fails = false;

  static Result<> set(Context& context) {
    const auto timer = context.set_timer("tick", std::chrono::hours{1});
    return timer ? Result<>{} : fail(timer.error());
  }

  Result<> on_start(Context& context) const {
    return fails ? fail(Errc::schema_mismatch) : set(context);
  }

  Result<> on_signal(Context& context, const Signal&) const { return set(context); }

  Result<> on_timer(Context&, const Timer&) const { return {}; }
};

class ShardLost : public LifeTest {
 protected:
  explicit ShardLost(std::uint32_t subscriptions = kSubscriptions)
      : LifeTest(kAgentsPerShard, subscriptions) {
    Clock::fails = false;
    load<Puppet, Moth, Clock>();
  }

  template <class... Types>
  void load() {
    adopt(0, ++incarnation_, kTypes<Types...>).value();
  }

  Errc tell(AgentId agent, Kind kind) {
    post(agent, "tell", {}, {.kind = kind});
    run();
    const std::vector<Letter> replies = take(Priority::high);
    return replies.size() == 1 ? replies.front().code : Errc::invalid_argument;
  }

  [[nodiscard]] Lifecycle life(AgentId agent) const {
    return segment_.agents(0).lifecycle_of(agent);
  }

  [[nodiscard]] Errc reason(AgentId agent) const {
    return static_cast<Errc>(segment_.agents(0).snapshot(agent.slot())->reason);
  }

  void expect_whole() {
    const VerifyView view = shm::verify_segment(segment_, false);
    for (const Damage& damage : view.damage) {
      if (damage.what.starts_with("its owner")) continue;  // no worker has claimed anything here
      ADD_FAILURE() << damage.where << ": " << damage.what;
    }
  }
};

TEST_F(ShardLost, SuspendedForWantOfItsTypeIsRevived) {
  const AgentId moth = create({.type = "moth"}).value();
  load<Puppet>();
  EXPECT_TRUE(ask(moth, "get").empty());
  EXPECT_EQ(life(moth), Lifecycle::suspended);
  EXPECT_EQ(reason(moth), Errc::unknown_type);
  load<Puppet, Moth>();
  run();
  EXPECT_EQ(life(moth), Lifecycle::ready);
  EXPECT_EQ(take(Priority::high).size(), 1U) << "what has waited";
  expect_whole();
}

TEST_F(ShardLost, SuspendedForItsStateIsRevived) {
  const AgentId moth = create({.type = "moth"}).value();
  load<DurableMoth>();
  EXPECT_TRUE(ask(moth, "get").empty());
  EXPECT_EQ(reason(moth), Errc::state_version);
  load<Moth>();
  run();
  EXPECT_EQ(life(moth), Lifecycle::ready);
  EXPECT_EQ(take(Priority::high).size(), 1U);
  expect_whole();
}

TEST_F(ShardLost, SuspendedByRequestStaysSo) {
  const AgentId moth = create({.type = "moth"}).value();
  EXPECT_EQ(tell(moth, Kind::suspend), Errc{});
  EXPECT_EQ(reason(moth), Errc::suspended) << "tools show it";
  load<Puppet, Moth>();
  EXPECT_EQ(tell(moth, Kind::restart), Errc{});
  EXPECT_EQ(life(moth), Lifecycle::suspended);
  EXPECT_EQ(tell(moth, Kind::resume), Errc{});
  EXPECT_EQ(reason(moth), Errc{});
  post(moth, "add", Task{.value = 3});
  EXPECT_EQ(ask(moth, "get").at(0).value(), 3);
  expect_whole();
}

TEST_F(ShardLost, NextVersionMayBeLarger) {
  const AgentId moth = create({.type = "moth"}).value();
  load<GrownMoth>();
  const auto replies = ask(moth, "get", Task{.value = 3});
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().value(), 3);
  expect_whole();
}

TEST_F(ShardLost, AnyNumberOfTimersIsCancelled) {
  const AgentId clock = create({.type = "clock"}).value();
  for (int i = 0; i < 140; ++i)
    post(clock, "set");
  run();
  load<Puppet, Clock>();
  run();
  EXPECT_TRUE(segment_.is_alive(clock));
  expect_whole();
}

TEST_F(ShardLost, ItsOwnTimersAreRoomForNewOnes) {
  const AgentId clock = create({.type = "clock"}).value();
  const AgentId other = create({.type = "clock"}).value();
  for (std::uint32_t i = 0; i < (kTimers - 2) / 2; ++i) {
    post(clock, "set");
    post(other, "set");
    run();
  }
  load<Puppet, Clock>();
  run();
  EXPECT_TRUE(segment_.is_alive(clock));
  EXPECT_TRUE(segment_.is_alive(other));
}

TEST_F(ShardLost, DescriptionHasWhatCameBefore) {
  const AgentId moth = create({.type = "moth"}).value();
  post(moth, "add", Task{.value = 5});
  post(moth, "describe", {}, {.kind = Kind::describe});
  run();
  const auto replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  const auto& text = replies.front().payload;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(text.data()), text.size()), "5");
}

class ShardLostSubscribers : public ShardLost {
 protected:
  ShardLostSubscribers() : ShardLost(700) {}
};

// Its end is more than one message may change.
TEST_F(ShardLostSubscribers, OneThatCannotEndIsNotHalfEnded) {
  const AgentId clock = create({.type = "clock"}).value();
  const Symbol pattern = segment_.symbols().intern("job.*").value();
  const auto entries = segment_.subscriptions(1);
  for (std::uint32_t i = 0; i < 600; ++i) {
    entries[i].since_ns.store(static_cast<std::uint64_t>(shm::monotonic_ns()));
    entries[i].word.store(shm::SubscriptionWord{pattern, clock.slot()}.pack());
  }
  Clock::fails = true;
  load<Puppet, Clock>();
  run();
  EXPECT_TRUE(segment_.is_alive(clock) || subscriptions_used() == 0)
      << subscriptions_used() << " subscriptions of nobody";
  expect_whole();
}

}  // namespace
}  // namespace mabeam::worker

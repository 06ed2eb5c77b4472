// Subscriptions of agents that want only what one agent or client emits.
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

/// Subscribes to job.* as it is told; the payload is the source, 0 for whoever emits. "part all"
/// ends all subscriptions.
struct Picker {
  static constexpr AgentType type{.name = "picker"};
  using State = Memory;

  Result<> on_signal(Context& context, State& /*state*/, const Signal& signal) const {
    const AgentId source{signal.payload().as_or<std::uint64_t>(0).value_or(0)};
    if (signal.name() == "part all") return context.unsubscribe("job.*");
    if (signal.name() == "part") return context.unsubscribe("job.*", source);
    return context.subscribe("job.*", source);
  }

  Result<> on_event(Context& /*context*/, State& state, const Event& event) const {
    state.note(event.payload().as_or<std::int64_t>(0).value_or(0));
    return {};
  }
};

class ShardSources : public ShardTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kTypes = mabeam::kTypes<Puppet, Picker>;

  ShardSources() {
    for (const std::uint32_t index : {0U, 1U})
      adopt(index, 2, kTypes).value();
    agent_ = create({.type = "picker"}).value();
    other_ = create({.type = "picker"}).value();
  }

  void tell(std::string_view what, AgentId source = {}, AgentId agent = {}) {
    post(agent ? agent : agent_, what, source.value());
    run();
  }

  /// One event of each client, of that value and of 100 more.
  void emit_both(std::int64_t value) {
    emit("job.a", value, kFirstClient);
    run();
    emit("job.a", value + 100, kSecondClient);
    run();
  }

  [[nodiscard]] Values heard(AgentId agent = {}) const {
    return state(agent ? agent : agent_).all();
  }

  AgentId agent_;
  AgentId other_;
  AgentId first_ = client_id(kFirstClient);
  AgentId second_ = client_id(kSecondClient);
};

TEST_F(ShardSources, OnlyItsEventsComeAndNobodyElseIsFiltered) {
  tell("join", second_);
  tell("join", {}, other_);
  emit_both(1);
  EXPECT_EQ(heard(), (Values{101}));
  EXPECT_EQ(heard(other_), (Values{1, 101}));
}

TEST_F(ShardSources, AnEventComesOnceHoweverManySubscriptionsItMatches) {
  tell("join", second_);
  tell("join", first_);
  tell("join");
  tell("join", second_);
  EXPECT_EQ(subscriptions_used(), 3U) << "the same once more changes nothing";
  emit_both(1);
  EXPECT_EQ(heard(), (Values{1, 101}));
  EXPECT_EQ(record().events_delivered, 2U);
}

TEST_F(ShardSources, OneOfThemEndsAlone) {
  tell("join", first_);
  tell("join", second_);
  tell("part", first_);
  EXPECT_EQ(subscriptions_used(), 1U);
  emit_both(1);
  EXPECT_EQ(heard(), (Values{101}));
  tell("part", {});  // of whoever emits: there is none
  EXPECT_EQ(subscriptions_used(), 1U);
}

TEST_F(ShardSources, AllEndWithThePatternAndWithTheAgent) {
  tell("join", first_);
  tell("join", second_);
  tell("part all");
  EXPECT_EQ(subscriptions_used(), 0U);
  tell("join", first_);
  EXPECT_EQ(stop(agent_), Errc{});
  EXPECT_EQ(subscriptions_used(), 0U);
}

// A free entry keeps what it had: the next subscription must not inherit it.
TEST_F(ShardSources, EntryThatIsGivenOutAgainHasNoSource) {
  tell("join", second_);
  tell("part", second_);
  tell("join", {}, other_);
  emit_both(1);
  EXPECT_EQ(heard(other_), (Values{1, 101}));
}

TEST_F(ShardSources, NextOwnerFiltersTheSame) {
  tell("join", second_);
  adopt(0, 3, kTypes).value();
  emit_both(1);
  EXPECT_EQ(heard(), (Values{101}));
}

}  // namespace
}  // namespace mabeam::worker

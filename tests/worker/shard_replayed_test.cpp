// Past events that a client replays to one agent: whatever it is subscribed to, once, in order.
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

constexpr std::uint64_t kEmitter = 0x0200000000000007;

/// Remembers what it was told of the last event.
struct Historian {
  static constexpr AgentType type{.name = "historian"};

  struct State {
    std::uint32_t replayed = 0;
    std::uint32_t fresh = 0;
    std::uint64_t emitted_by = 0;
    std::uint64_t source = 0;
  };

  Result<> on_event(Context&, State& state, const Event& event) const {
    ++(event.is_replayed() ? state.replayed : state.fresh);
    state.emitted_by = event.emitted_by().value();
    state.source = event.source().value();
    return {};
  }
};

constexpr std::span<const TypeDescriptor> kTypesHere = kTypes<Puppet, Historian, Named>;

class ShardReplayed : public ShardTest {
 protected:
  ShardReplayed() { adopt(0, 2, kTypesHere).value(); }

  void replay(AgentId to, std::int64_t value, std::string_view topic = "job.done") {
    post(to, topic, value, {.kind = shm::Kind::event, .correlation = kEmitter});
  }
};

TEST_F(ShardReplayed, ReachesAnAgentWithoutASubscription) {
  const AgentId agent = create().value();
  const AgentId other = create({.subscribe = {">"}}).value();
  for (std::int64_t value = 1; value <= 3; ++value)
    replay(agent, value);
  run();
  EXPECT_EQ(state(agent).all(), (Values{1, 2, 3}));
  EXPECT_EQ(state(other).count, 0U) << "it is for one agent alone";
  EXPECT_EQ(record().events_delivered, 3U);
}

TEST_F(ShardReplayed, IsKnownFromAFreshOne) {
  const AgentId agent = create({.type = "historian", .subscribe = {"job.*"}}).value();
  replay(agent, 1);
  run();
  auto seen = state<Historian::State>(agent);
  EXPECT_EQ(seen.replayed, 1U);
  EXPECT_EQ(seen.emitted_by, kEmitter);
  EXPECT_EQ(seen.source, client_id(kFirstClient).value());
  emit("job.a", 2);
  run();
  seen = state<Historian::State>(agent);
  EXPECT_EQ(seen.fresh, 1U);
  EXPECT_EQ(seen.emitted_by, client_id(kFirstClient).value());
}

TEST_F(ShardReplayed, OfAnErrorIsUndone) {
  const AgentId agent = create().value();
  replay(agent, 1);
  replay(agent, 2, "job.fail");
  replay(agent, 3);
  run();
  EXPECT_EQ(state(agent).all(), (Values{1, 3}));
}

TEST_F(ShardReplayed, TakesEffectOnceAcrossADeath) {
  const AgentId agent = create().value();
  for (std::int64_t value = 1; value <= 4; ++value)
    replay(agent, value);
  limits_.turn_messages = 2;
  EXPECT_EQ(turn(), 2U);
  ASSERT_TRUE(adopt(0, 3, kTypesHere));
  run();
  EXPECT_EQ(state(agent).all(), (Values{1, 2, 3, 4}));
}

TEST_F(ShardReplayed, ToAnAgentThatIsGoneDies) {
  const AgentId agent = create().value();
  ASSERT_EQ(stop(agent), Errc{});
  const AgentId next = create().value();  // in its slot
  replay(agent, 1);
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials()[0].reason, shm::DeadReason::no_agent);
  EXPECT_EQ(state(next).count, 0U);
}

TEST_F(ShardReplayed, WaitsForASuspendedAgent) {
  const AgentId agent = create().value();
  post(agent, "suspend", {}, {.kind = shm::Kind::suspend});
  replay(agent, 1);
  replay(agent, 2);
  run();
  EXPECT_EQ(state(agent).count, 0U);
  post(agent, "resume", {}, {.kind = shm::Kind::resume});
  run();
  EXPECT_EQ(state(agent).all(), (Values{1, 2}));
}

TEST_F(ShardReplayed, ATypeWithoutOnEventLetsItPass) {
  const AgentId agent = create({.type = "named", .name = "x"}).value();
  replay(agent, 1);
  run();
  EXPECT_TRUE(shard().is_drained());
  EXPECT_TRUE(burials().empty());
}

}  // namespace
}  // namespace mabeam::worker

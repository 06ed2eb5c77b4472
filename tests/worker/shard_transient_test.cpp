// States that are not durable: kept in the owner's memory, undone as any other, gone with it.
#include "shm/spsc_ring.hpp"
#include "shm/timers.hpp"
#include "tests/worker/life_support.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

namespace mabeam::worker {
namespace {

using shm::Incarnation;
using shm::Kind;
using shm::Witness;
using Values = std::vector<std::int64_t>;

/// Says its sum with "sum"; "tick" sets a timer that notes 7 in an hour.
struct Leaf : Puppet {
  static constexpr AgentType type{.name = "leaf", .durable = false};

  static std::string describe(const State& state) { return std::to_string(state.sum); }

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    if (signal.name() == "sum") return context.send(client_id(kFirstClient), "sum", state.sum);
    if (signal.name() == "tick") {
      const auto timer = context.set_timer("tick", std::chrono::hours{1});
      return timer ? Result<>{} : fail(timer.error());
    }
    return obey(context, state, signal);
  }

  Result<> on_timer(Context&, State& state, const Timer&) const {
    state.note(7);
    return {};
  }
};

/// The same, and its state is too large for a pre-image.
struct Trunk {
  static constexpr AgentType type{.name = "trunk", .durable = false};
  using State = BigPuppet::State;

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    return Leaf{}.on_signal(context, state.memory, signal);
  }
};

/// Begins with 100, subscribed to job.*, with a timer; says "up". While `mood` is not calm, does
/// that in on_start.
struct Bud : Leaf {
  static constexpr AgentType type{.name = "bud", .durable = false};
  enum class Mood { calm, fails, floods };
  static inline Mood mood = Mood::calm;

  Result<> on_start(Context& context, State& state) const {
    if (mood == Mood::fails) return fail(Errc::schema_mismatch);
    state.note(100);
    if (mood == Mood::floods) return context.send(client_id(kFirstClient), "up", state);
    const Result<> said = context.send(client_id(kFirstClient), "up", context.self().value());
    if (!said) return said;
    const auto timer = context.set_timer("tick", std::chrono::hours{1});
    if (!timer) return fail(timer.error());
    return context.subscribe("job.*");
  }
};

/// A bud that is made afresh when it fails.
struct Perennial : Leaf {
  static constexpr AgentType type{
      .name = "perennial", .on_failure = OnFailure::restart, .durable = false};
};

/// Text that is not durable either.
struct Slate {
  static constexpr AgentType type{.name = "slate", .durable = false};

  struct State {
    std::string text;
  };

  static std::string serialize(const State& state) { return state.text; }

  static Result<State> deserialize(std::span<const std::byte> bytes) {
    return State{std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  }

  Result<std::int64_t> on_action(Context&, State& state, const Action& action) const {
    state.text += action.payload().text();
    if (action.name() == "fail") return fail(Errc::schema_mismatch);
    return static_cast<std::int64_t>(state.text.size());
  }
};

/// The type `leaf`, durable.
struct Stone : Puppet {
  static constexpr AgentType type{.name = "leaf"};
};

class ShardTransient : public LifeTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kHere =
      kTypes<Puppet, Breeder, Leaf, Trunk, Bud, Perennial, Slate>;

  ShardTransient() {
    Bud::mood = Bud::Mood::calm;
    next_owner();
    leaf_ = create({.type = "leaf"}).value();
  }

  void next_owner() { adopt(0, ++incarnation_, kHere).value(); }

  void die_under(std::uint64_t witness) {
    shm::TurnRegion& region = segment_.turn(0);
    region.owner.store(Incarnation::of(0, incarnation_).value);
    region.witness.store(witness);
    next_owner();
  }

  void add(AgentId to, std::int64_t value, std::string_view how = "add") {
    post(to, how, Task{.value = value});
  }

  std::int64_t sum(AgentId of) {
    take(Priority::normal);
    post(of, "sum");
    run();
    for (const Letter& letter : take(Priority::normal)) {
      if (letter.name == "sum") return letter.value();
    }
    return -1;
  }

  /// Timers of agents that live.
  [[nodiscard]] std::ptrdiff_t timers() const {
    const auto table = segment_.timers(0);
    return std::count_if(table.begin(), table.end(), [&](const shm::TimerRecord& timer) {
      const auto word = shm::TimerWord::unpack(timer.word.load());
      return timer.word.load() != 0 &&
             segment_.is_alive({EndpointId{1}, word.slot, word.generation});
    });
  }

  [[nodiscard]] std::uint64_t version(AgentId id) const {
    return segment_.agents(0).record(id.slot()).version.load();
  }

  AgentId leaf_;
};

TEST_F(ShardTransient, IsKeptBetweenMessagesWithoutAWordOfTheTurn) {
  const std::uint64_t before = version(leaf_);
  add(leaf_, 1);
  add(leaf_, 2);
  run();
  add(leaf_, 4);
  run();
  EXPECT_EQ(sum(leaf_), 7);
  EXPECT_EQ(version(leaf_), before);
}

// The first of a turn is undone by being forgotten, a later one by its pre-image.
TEST_F(ShardTransient, FailedMessageLeavesItAsItWas) {
  add(leaf_, 1);
  run();
  add(leaf_, 10, "fail");
  add(leaf_, 2);
  add(leaf_, 20, "throw");
  add(leaf_, 4);
  EXPECT_EQ(turn(), 4U);
  EXPECT_EQ(sum(leaf_), 7);
}

TEST_F(ShardTransient, LargeOneIsRestoredToo) {
  const AgentId trunk = create({.type = "trunk"}).value();
  add(trunk, 1);
  add(trunk, 10, "fail");
  add(trunk, 2);
  run();
  EXPECT_EQ(sum(trunk), 3);
}

TEST_F(ShardTransient, SerializedOneIsKeptAndRestored) {
  const AgentId slate = create({.type = "slate"}).value();
  EXPECT_EQ(ask(slate, "write", "one").front().value(), 3);
  EXPECT_EQ(ask(slate, "fail", "lost").front().code, Errc::schema_mismatch);
  EXPECT_EQ(ask(slate, "write", "two").front().value(), 6);
  EXPECT_EQ(ask(slate, "write", std::string(1020, 'x')).front().code, Errc::state_too_large);
  next_owner();
  EXPECT_EQ(ask(slate, "write", "two").front().value(), 3);
}

TEST_F(ShardTransient, NextOwnerFindsTheAgentWithoutItsState) {
  const AgentId named = [&] {
    for (std::uint32_t i = 0;; ++i) {
      const std::string name = "leaf-" + std::to_string(i);
      if (shm::shard_of_name(name, 2) != 0) continue;
      return create({.type = "leaf", .name = name, .subscribe = {"job.*"}}).value();
    }
  }();
  const std::string name{segment_.agents(0).name(named.slot()).data()};
  add(named, 1);
  post(named, "tick");
  run();
  add(named, 2);  // unread
  emit("job.done", 4);
  next_owner();
  run();
  EXPECT_EQ(segment_.find_agent(name).value(), named);
  EXPECT_EQ(sum(named), 6) << "what was unread, and nothing else";
  EXPECT_EQ(timers(), 1) << "nobody would set it again";
  EXPECT_EQ(record().agents_live, 2U);
}

TEST_F(ShardTransient, TypeWithOnStartIsBegunAnewBeforeItsMessages) {
  const AgentId bud = create({.type = "bud"}).value();
  add(bud, 1);
  run();
  EXPECT_EQ(said("up"), (std::vector<AgentId>{bud}));
  EXPECT_EQ(timers(), 1);
  listen("agent.>");
  add(bud, 2);
  next_owner();
  run();
  EXPECT_EQ(said("up"), (std::vector<AgentId>{bud}));
  EXPECT_EQ(sum(bud), 102);
  EXPECT_EQ(timers(), 1) << "the old one is cancelled";
  const auto events = told();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].first, "agent.restarted");
  EXPECT_NE(events[0].second.find("not_durable"), std::string::npos);
}

TEST_F(ShardTransient, IsBegunAnewOnlyOnce) {
  const AgentId bud = create({.type = "bud"}).value();
  next_owner();
  run();
  (void)said("up");
  add(bud, 1);
  run();
  EXPECT_TRUE(said("up").empty());
  EXPECT_EQ(sum(bud), 101);
}

TEST_F(ShardTransient, OnStartThatFailsEndsItAndTellsItsParent) {
  const AgentId breeder = create({.type = "breeder"}).value();
  const AgentId bud = create({.type = "bud", .parent = breeder}).value();
  Bud::mood = Bud::Mood::fails;
  next_owner();
  run();
  EXPECT_FALSE(segment_.is_alive(bud));
  EXPECT_EQ(state(breeder).sum, static_cast<std::int64_t>(bud.value()));
  EXPECT_EQ(timers(), 0);
  EXPECT_EQ(sum(leaf_), 0);
}

TEST_F(ShardTransient, OnStartThatKillsEveryOwnerEndsIt) {
  const AgentId bud = create({.type = "bud"}).value();
  const std::uint64_t witness =
      Witness::pack(Witness::What::start, 1, 0, bud.slot(), bud.generation() * 8ULL);
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
    EXPECT_TRUE(segment_.is_alive(bud));
    die_under(witness);
  }
  run();
  EXPECT_FALSE(segment_.is_alive(bud));
  EXPECT_EQ(record().blamed_count, 0U) << "it has passed";
  EXPECT_EQ(sum(leaf_), 0);
}

TEST_F(ShardTransient, OnStartThatWaitsForRoomHoldsItsShard) {
  const AgentId bud = create({.type = "bud"}).value();
  take(Priority::normal);
  for (int i = 0; i < 4; ++i)
    post(leaf_, "send", Task{.value = i, .bytes = kQuarterRing});
  run();
  const std::uint64_t delivered = record().delivered;
  Bud::mood = Bud::Mood::floods;
  add(bud, 1);
  next_owner();
  run();
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_FALSE(shard().has_work()) << "its worker may sleep";
  EXPECT_EQ(record().delivered, delivered) << "the message to it has not passed";
  take(Priority::normal);
  run();
  EXPECT_EQ(sum(bud), 101);
}

TEST_F(ShardTransient, RestartMakesItAfresh) {
  const AgentId again = create({.type = "perennial"}).value();
  add(again, 1);
  add(again, 10, "fail");
  run();
  EXPECT_EQ(sum(again), 0);
  add(again, 1);
  run();
  post(again, "restart", {}, {.kind = Kind::restart});
  run();
  EXPECT_EQ(take(Priority::high).front().code, Errc{});
  EXPECT_EQ(sum(again), 0);
}

TEST_F(ShardTransient, SlotIsReusedByADurableOne) {
  add(leaf_, 1);
  run();
  EXPECT_EQ(stop(leaf_), Errc{});
  const AgentId puppet = create().value();
  ASSERT_EQ(puppet.slot(), leaf_.slot());
  add(puppet, 5);
  run();
  EXPECT_EQ(state(puppet).sum, 5);
  EXPECT_EQ(stop(puppet), Errc{});
  const AgentId leaf = create({.type = "leaf"}).value();
  ASSERT_EQ(leaf.slot(), puppet.slot());
  EXPECT_EQ(sum(leaf), 0);
}

TEST_F(ShardTransient, CreationThatFailedLeavesNothing) {
  Bud::mood = Bud::Mood::fails;
  EXPECT_EQ(create({.type = "bud"}).error().code, Errc::schema_mismatch);
  const AgentId puppet = create().value();
  add(puppet, 5);
  run();
  EXPECT_EQ(state(puppet).sum, 5);
}

TEST_F(ShardTransient, DescribeReadsIt) {
  add(leaf_, 5);
  run();
  post(leaf_, "describe", {}, {.kind = Kind::describe, .correlation = 9});
  run();
  EXPECT_EQ(take(Priority::high).front().payload.size(), 1U);
}

TEST_F(ShardTransient, DurableStateUnderTheSameNameSuspends) {
  adopt(0, ++incarnation_, kTypes<Stone>).value();
  EXPECT_TRUE(ask(leaf_, "get").empty());
  EXPECT_EQ(segment_.agents(0).lifecycle_of(leaf_), Lifecycle::suspended);
}

// Of what a record alone claims nobody has made a state.
TEST_F(ShardTransient, RecordThatClaimsItIsNotBelieved) {
  for (const int storage : {int{shm::kTransient}, shm::kTransient | shm::kSerialized}) {
    const AgentId puppet = create().value();
    segment_.agents(0).record(puppet.slot()).storage = static_cast<std::uint16_t>(storage);
    EXPECT_TRUE(ask(puppet, "get").empty());
    EXPECT_EQ(segment_.agents(0).lifecycle_of(puppet), Lifecycle::suspended);
  }
}

}  // namespace
}  // namespace mabeam::worker

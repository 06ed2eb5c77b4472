// Agents that talk to each other, across shards, and what a Context refuses.
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

/// Calls whom it is told to, and keeps the answer.
struct Caller {
  static constexpr AgentType type{.name = "caller"};

  struct State {
    std::uint64_t asked = 0;     // correlation of the last call
    std::uint64_t answered = 0;  // and of the last reply
    std::uint32_t replies = 0;
    Errc outcome{};
    std::int64_t value = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const Result<std::uint64_t> target = signal.payload().as<std::uint64_t>();
    if (!target) return fail(target.error());
    const Result<std::uint64_t> call = context.call(AgentId{*target}, signal.name());
    if (!call) return fail(call.error());
    state.asked = *call;
    return {};
  }

  Result<> on_reply(Context& /*context*/, State& state, const Reply& reply) const {
    state.answered = reply.correlation();
    state.outcome = reply.outcome() ? Errc{} : reply.outcome().error().code;
    state.value = reply.payload().as_or<std::int64_t>(-1).value_or(-2);
    ++state.replies;
    return {};
  }
};

/// Tries what its action says, and answers with what the Context said to it.
struct Asker {
  static constexpr AgentType type{.name = "asker"};

  static Result<> attempt(Context& context, std::string_view what) {
    static constexpr std::array<std::byte, kQuarterRing * 5> kLarge{};
    constexpr std::span<const std::byte> kTooLarge{kLarge};
    constexpr AgentId kNowhere{EndpointId{200}, 0, 1};
    constexpr AgentId kSupervisor{EndpointId{0}, 0, 1};
    const AgentId stranger{static_cast<EndpointId>(kFirstClient), AgentId::kClientSlot, 9};
    if (what == "send nowhere") return context.send(kNowhere, "x");
    if (what == "send to the supervisor") return context.send(kSupervisor, "x");
    if (what == "send to a stranger") return context.send(stranger, "x");
    if (what == "send too much") return context.send(client_id(kFirstClient), "x", kTooLarge);
    if (what == "emit too much") return context.emit("x", kTooLarge);
    if (what == "emit a pattern") return context.emit("a.*");
    if (what == "subscribe to nonsense") return context.subscribe("a..b");
    const Result<AgentId> made = what == "create with a name"
                                     ? context.create("asker", {.name = "bob"})
                                     : context.create(what == "create" ? "asker" : "nobody");
    if (!made) return fail(made.error());
    return {};
  }

  Result<> on_action(Context& context, const Action& action) const {
    return attempt(context, action.name());
  }
};

class ShardCall : public ShardTest {
 protected:
  ShardCall() {
    for (const std::uint32_t index : {0U, 1U})
      adopt(index, 2, kTypes<Puppet, Caller, Asker>).value();
  }

  /// Has the caller call, and everybody run.
  Caller::State call(AgentId target, std::string_view action) {
    post(caller_, action, target.value());
    run(0);
    run(1);
    run(0);
    return state<Caller::State>(caller_);
  }

  Errc refusal(std::string_view what) {
    if (!asker_) asker_ = create({.type = "asker"}).value();
    const std::vector<Letter> replies = ask(asker_, what);
    EXPECT_EQ(replies.size(), 1U) << what;
    return replies.empty() ? Errc{} : replies.front().code;
  }

  AgentId caller_;
  AgentId asker_;

  void SetUp() override { caller_ = create({.type = "caller"}).value(); }
};

TEST_F(ShardCall, ReplyComesBackWithItsCorrelation) {
  const AgentId there = create({.shard = 1}).value();
  post(there, "add", Task{.value = 42});
  const Caller::State seen = call(there, "get");
  EXPECT_EQ(seen.replies, 1U);
  EXPECT_NE(seen.asked, 0U);
  EXPECT_EQ(seen.answered, seen.asked);
  EXPECT_EQ(seen.outcome, Errc{});
  EXPECT_EQ(seen.value, 42);
}

TEST_F(ShardCall, OnTheSameShardToo) {
  const AgentId here = create().value();
  const Caller::State seen = call(here, "get");
  EXPECT_EQ(seen.replies, 1U);
  EXPECT_EQ(seen.answered, seen.asked);
  EXPECT_EQ(seen.value, 0);
}

TEST_F(ShardCall, ErrorsComeBackAsOutcomes) {
  const AgentId there = create({.shard = 1}).value();
  EXPECT_EQ(call(there, "fail").outcome, Errc::schema_mismatch);
  EXPECT_EQ(call(create({.type = "caller", .shard = 1}).value(), "get").outcome,
            Errc::unknown_action);
  ASSERT_EQ(stop(there), Errc{});
  const Caller::State seen = call(there, "get");
  EXPECT_EQ(seen.outcome, Errc::not_found);
  EXPECT_EQ(seen.replies, 3U);
}

TEST_F(ShardCall, ReplyToAnAgentThatHasEndedIsADeadLetter) {
  const AgentId there = create({.shard = 1}).value();
  post(caller_, "get", there.value());
  run(0);
  ASSERT_EQ(stop(caller_), Errc{});
  run(1);
  run(0);
  ASSERT_EQ(burials(0).size(), 1U);
  EXPECT_EQ(burials(0).front().reason, shm::DeadReason::no_agent);
}

// What one shard has committed is in the other's ring, whoever owns either of them by then.
TEST_F(ShardCall, CallOutlivesBothOwners) {
  const AgentId there = create({.shard = 1}).value();
  post(caller_, "get", there.value());
  run(0);
  ASSERT_TRUE(adopt(0, 3, kTypes<Puppet, Caller, Asker>));
  ASSERT_TRUE(adopt(1, 3, kTypes<Puppet, Caller, Asker>));
  run(0);
  run(1);
  run(0);
  EXPECT_EQ(state(there).count, 1U);
  EXPECT_EQ(state<Caller::State>(caller_).replies, 1U);
}

TEST_F(ShardCall, ContextRefusesWhatCannotBe) {
  EXPECT_EQ(refusal("send nowhere"), Errc::not_found);
  EXPECT_EQ(refusal("send to the supervisor"), Errc::not_found);
  EXPECT_EQ(refusal("send to a stranger"), Errc::closed);
  EXPECT_EQ(refusal("send too much"), Errc::payload_too_large);
  EXPECT_EQ(refusal("emit too much"), Errc::payload_too_large);
  EXPECT_EQ(refusal("emit a pattern"), Errc::bad_topic);
  EXPECT_EQ(refusal("subscribe to nonsense"), Errc::bad_topic);
  EXPECT_EQ(refusal("create with a name"), Errc::invalid_argument);
  EXPECT_EQ(refusal("create nothing known"), Errc::unknown_type);
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(record().agents_live, 2U);
}

TEST_F(ShardCall, HandlerCreatesNoMoreThanTheRuntimeHolds) {
  ASSERT_EQ(refusal("create"), Errc{});
  segment_.endpoint(kSecondClient).reserved_agents.store(segment_.dimensions().max_agents - 3);
  EXPECT_EQ(refusal("create"), Errc::too_many_agents);
  segment_.endpoint(kSecondClient).reserved_agents.store(0);
  EXPECT_EQ(refusal("create"), Errc{});
}

TEST_F(ShardCall, WorkerOverItsSoftLimitCreatesNone) {
  segment_.endpoint(1).placement.store(1);
  ASSERT_EQ(refusal("create"), Errc{});
  segment_.limits().workers[0].is_closed.store(1);
  EXPECT_EQ(refusal("create"), Errc::over_limit);
  segment_.limits().workers[0].is_closed.store(0);
  EXPECT_EQ(refusal("create"), Errc{});
}

TEST_F(ShardCall, HandlerIsHeldToTheRates) {
  for (shm::RateSettings& settings : segment_.limits().settings)
    settings.runtime.store(shm::RateSetting{.rate = 1}.pack());
  EXPECT_EQ(refusal("create"), Errc{});
  EXPECT_EQ(refusal("create"), Errc::rate_limited);
  segment_.limits().settings[0].runtime.store(0);
  EXPECT_EQ(refusal("create"), Errc{});
}

}  // namespace
}  // namespace mabeam::worker

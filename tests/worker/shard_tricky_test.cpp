// Handlers that ask for much, or for one thing and its contrary, in a single message; and what
// congestion does to those that follow.
#include "tests/worker/shard_support.hpp"

#include <array>
#include <string_view>
#include <vector>

namespace mabeam::worker {
namespace {

Result<> send_quarter(Context& context) {
  const std::vector<std::byte> body(kQuarterRing);
  return context.send(client_id(kFirstClient), "out", std::span{body});
}

Result<> emit_quarter(Context& context) {
  const std::vector<std::byte> body(kQuarterLog);
  return context.emit("job.done", std::span{body});
}

/// `count` times, until one fails.
template <class Call>
Result<> repeat(int count, Call&& call) {
  Result<> done;
  for (int i = 0; i < count && done; ++i)
    done = call();
  return done;
}

struct Tricky {
  static constexpr AgentType type{.name = "tricky"};
  using State = Memory;

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const std::string_view name = signal.name();
    state.note(1);
    if (name == "send 2") return repeat(2, [&] { return send_quarter(context); });
    if (name == "send 5") return repeat(5, [&] { return send_quarter(context); });
    if (name == "emit 2") return repeat(2, [&] { return emit_quarter(context); });
    if (name == "emit 5") return repeat(5, [&] { return emit_quarter(context); });
    if (name == "join and quit" || name == "join and part") {
      if (const auto joined = context.subscribe("job.*"); !joined) return joined;
      return name == "join and quit" ? context.stop() : context.unsubscribe("job.*");
    }
    if (name == "make with too many subscriptions") {
      constexpr std::array<std::string_view, 5> kMany{"a", "b", "c", "d", "e"};
      state.attempt = context.create("tricky", {.subscribe = kMany}) ? 1 : 2;
    }
    if (name == "make stillborn") state.attempt = context.create("stillborn") ? 1 : 2;
    return {};
  }

  Result<> on_event(Context&, State& state, const Event&) const {
    state.note(1000);
    return {};
  }
};

/// Ends when it is told to, and looks at what the shard says it is doing.
struct Observed {
  static constexpr AgentType type{.name = "watched"};
  static inline const shm::TurnRegion* region = nullptr;
  static inline std::uint64_t witness_at_end = 0;

  Result<> on_signal(Context& context, const Signal&) const { return context.stop(); }

  Result<> on_start(Context& context) const {
    return context.stop() ? fail(Errc::handler_failed)
                          : Result<>{};  // there is nothing to stop yet
  }

  Result<> on_stop(Context&) const {
    witness_at_end = region->witness.load();
    return {};
  }
};

/// Replies to whatever comes.
struct Replier {
  static constexpr AgentType type{.name = "replier"};
  using State = Memory;

  Result<> on_action(Context& context, State& state, const Action&) const {
    state.note(1);
    return context.reply(1);
  }
};

class ShardTricky : public ShardTest {
 protected:
  ShardTricky() {
    adopt(0, 5, kTypes<Puppet, BigPuppet, Named, Stillborn, Tricky, Observed, Replier>).value();
  }

  AgentId create_tricky() { return create({.type = "tricky"}).value(); }

  /// Has agent `from` send or emit four quarters: a ring or log is full then, as of what fits.
  void post_quarters(AgentId from, std::string_view what, int count, std::uint32_t bytes) {
    for (int i = 1; i <= count; ++i)
      post(from, what, Task{.value = i, .bytes = bytes});
  }

  /// The patience is over at once.
  void run_impatiently() {
    limits_.stall_timeout_ns = 0;
    for (int i = 0; i < 1000; ++i)
      turn();
    limits_.stall_timeout_ns = kEndless;
  }
};

TEST_F(ShardTricky, CongestionEndsAtHalf) {
  const AgentId agent = create().value();
  post_quarters(agent, "send", 5, kQuarterRing);
  run_impatiently();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(take(Priority::normal).size(), 4U);  // empty: congestion is over
  post_quarters(agent, "send", 5, kQuarterRing);
  run();
  EXPECT_TRUE(shard().is_waiting());  // with patience, as ever
  EXPECT_EQ(burials().size(), 1U);
}

TEST_F(ShardTricky, CongestedRingTakesNothingAboveHalf) {
  const AgentId agent = create().value();
  post_quarters(agent, "send", 5, kQuarterRing);
  run_impatiently();
  EXPECT_EQ(take(Priority::normal, kFirstClient, 1).size(), 1U);  // three quarters are left
  post_quarters(agent, "send", 1, kQuarterRing);
  run();
  EXPECT_EQ(burials().size(), 2U);
  EXPECT_EQ(take(Priority::normal).size(), 3U);
}

TEST_F(ShardTricky, TwoSendsThatDoNotFitTogetherOverflow) {
  const AgentId tricky = create_tricky();
  post_quarters(create().value(), "send", 3, kQuarterRing);
  run();
  post(tricky, "send 2");
  run_impatiently();
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(state(tricky).sum, 1);
  EXPECT_EQ(burials().size(), 2U);
}

TEST_F(ShardTricky, TwoEmitsThatDoNotFitTogetherEvict) {
  const AgentId tricky = create_tricky();
  ASSERT_TRUE(create({.subscribe = {"job.*"}, .shard = 1}));  // and never reads
  post_quarters(create().value(), "emit", 3, kQuarterLog);
  run();
  post(tricky, "emit 2");
  run_impatiently();
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(state(tricky).sum, 1);
}

TEST_F(ShardTricky, SendsThatNeverFitAreRefused) {
  const AgentId tricky = create_tricky();
  post(tricky, "send 5");
  run();
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(state(tricky).sum, 0);  // its handler passed the error on
  EXPECT_TRUE(take(Priority::normal).empty());
}

TEST_F(ShardTricky, EmitsThatNeverFitAreRefused) {
  const AgentId tricky = create_tricky();
  post(tricky, "emit 5");
  run();
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(state(tricky).sum, 0);
}

TEST_F(ShardTricky, SubscribedAndStoppedIsGone) {
  const AgentId tricky = create_tricky();
  post(tricky, "join and quit");
  run();
  EXPECT_FALSE(segment_.is_alive(tricky));
  EXPECT_EQ(subscriptions_used(), 0U);
  const AgentId heir = create_tricky();
  emit("job.a", 1);
  run();
  EXPECT_EQ(state(heir).sum, 0);
  EXPECT_EQ(record().events_delivered, 0U);
}

TEST_F(ShardTricky, SubscribedAndUnsubscribedIsNeither) {
  post(create_tricky(), "join and part");
  run();
  EXPECT_EQ(subscriptions_used(), 0U);
}

TEST_F(ShardTricky, FailedCreationLeavesNothingThoughItsHandlerGoesOn) {
  const AgentId tricky = create_tricky();
  post(tricky, "make with too many subscriptions");
  run();
  EXPECT_EQ(state(tricky).attempt, 2U);
  EXPECT_FALSE(segment_.is_alive({EndpointId{1}, tricky.slot() + 1, 1}));
  EXPECT_EQ(subscriptions_used(), 0U);
  EXPECT_EQ(create().value().generation(), 1U);
  EXPECT_EQ(record().agents_live, 2U);
}

// What on_start did cannot be taken back alone, so the whole message fails.
TEST_F(ShardTricky, FailedStartFailsItsMessage) {
  const AgentId tricky = create_tricky();
  post(tricky, "make stillborn");
  run();
  EXPECT_EQ(state(tricky).sum, 0);
  EXPECT_EQ(record().agents_live, 1U);
  EXPECT_TRUE(take(Priority::normal).empty());
}

TEST_F(ShardTricky, ExpiredIsCountedOnceThoughItsReplyWaits) {
  const AgentId agent = create().value();
  for (int i = 1; i <= 227; ++i)  // fills the ring of replies
    post(agent, "get", {}, {.kind = shm::Kind::request});
  run();
  post(agent, "get", {}, {.kind = shm::Kind::request, .deadline_ns = 1});
  run();
  EXPECT_EQ(record().expired, 0U);
  (void)take(Priority::high);
  run();
  EXPECT_EQ(record().expired, 1U);
  EXPECT_EQ(take(Priority::high).size(), 1U);
}

TEST_F(ShardTricky, RefusedIsCountedOnceThoughNobodyHears) {
  const AgentId agent = create().value();
  ASSERT_EQ(stop(agent), Errc{});
  post(agent, "get", {}, {.kind = shm::Kind::request});
  segment_.endpoint(kFirstClient).generation.store(1);
  run();
  EXPECT_EQ(record().refused, 1U);
}

// Three endpoints have nothing; the two that do get the same.
TEST_F(ShardTricky, SendersThatHaveSomethingShareAlike) {
  const AgentId agent = create().value();
  limits_.turn_messages = 20;
  for (int i = 0; i < 140; ++i) {
    post(agent, "add", Task{.value = 1});
    post(agent, "add", Task{.value = 1000}, {.client = kSecondClient});
  }
  for (int i = 0; i < 4; ++i)
    turn();
  EXPECT_EQ(state(agent).sum, 40'040);
}

// Or a crash in there would be blamed on nobody, and come again for ever.
TEST_F(ShardTricky, EndOfAnAgentIsBlamedOnTheMessageThatEndsIt) {
  Observed::region = &segment_.turn(0);
  const AgentId watched = create({.type = "watched"}).value();
  post(watched, "end");
  run();
  EXPECT_FALSE(segment_.is_alive(watched));
  EXPECT_NE(Observed::witness_at_end, 0U);
  EXPECT_EQ(segment_.turn(0).witness.load(), 0U);
}

TEST_F(ShardTricky, ReplyToASignalIsDropped) {
  const AgentId replier = create({.type = "replier"}).value();
  post(replier, "any");
  run();
  EXPECT_EQ(state(replier).sum, 1);
  EXPECT_TRUE(take(Priority::high).empty());
}

}  // namespace
}  // namespace mabeam::worker

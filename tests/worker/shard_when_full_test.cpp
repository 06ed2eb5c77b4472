// What a handler's sends and events do when there is no room (WhenFull), one by one.
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using shm::DeadReason;

/// Sends, calls or emits a quarter of a ring or log, as its name says: "send fail", "emit drop"...
struct Speaker {
  static constexpr AgentType type{.name = "speaker"};

  struct State {
    std::uint32_t done = 0;
    std::uint32_t refused = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const std::string_view name = signal.name();
    WhenFull when_full = WhenFull::wait;
    if (name.ends_with("fail")) when_full = WhenFull::fail;
    if (name.ends_with("drop")) when_full = WhenFull::drop;
    const std::vector<std::byte> much(name.starts_with("emit") ? kQuarterLog : kQuarterRing);
    const AgentId client = client_id(kFirstClient);
    Result<> said;
    if (name.starts_with("emit")) {
      said = context.emit("job.done", std::span{much}, {.when_full = when_full});
    } else if (name.starts_with("call")) {
      const auto call = context.call(client, "get", std::span{much}, {.when_full = when_full});
      if (!call) said = fail(call.error());
    } else {
      said = context.send(client, "note", std::span{much}, {.when_full = when_full});
    }
    ++state.done;
    if (!said && said.error().code == Errc::backpressure) ++state.refused;
    return {};
  }
};

class ShardWhenFull : public ShardTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kTypes = mabeam::kTypes<Speaker>;

  ShardWhenFull() {
    adopt(0, 2, kTypes).value();
    agent_ = create({.type = "speaker"}).value();
  }

  /// That often.
  void say(std::string_view what, int times = 1) {
    for (int i = 0; i < times; ++i)
      post(agent_, what);
    run();
  }

  /// The second client holds the log of the shard.
  void hold_log() {
    auto log = shm::EventLogReader::open(segment_.log(1), segment_.endpoints(), kSecondClient);
    log.value().join();
  }

  [[nodiscard]] Speaker::State seen() const { return state<Speaker::State>(agent_); }

  AgentId agent_;
};

TEST_F(ShardWhenFull, FailTellsTheHandlerWhichGoesOn) {
  say("send fail", 5);
  EXPECT_EQ(seen().done, 5U);
  EXPECT_EQ(seen().refused, 1U);
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_TRUE(burials().empty());
  EXPECT_EQ(take(Priority::normal).size(), 4U);
}

TEST_F(ShardWhenFull, DropIsADeadLetterOfOverflow) {
  say("send drop", 6);
  EXPECT_EQ(seen().done, 6U);
  EXPECT_EQ(seen().refused, 0U);
  EXPECT_FALSE(shard().is_waiting());
  ASSERT_EQ(burials().size(), 2U);
  EXPECT_EQ(burials().front().reason, DeadReason::overflow);
  EXPECT_EQ(record().dead_lettered, 2U);
  EXPECT_EQ(record().sent, 5U) << "and the answer to the create";
  EXPECT_EQ(take(Priority::normal).size(), 4U);
}

TEST_F(ShardWhenFull, CallThatWouldBeDroppedIsRefused) {
  say("call drop", 4);
  EXPECT_EQ(seen().refused, 0U);
  say("call drop");
  say("call fail");
  EXPECT_EQ(seen().refused, 2U);
  EXPECT_TRUE(burials().empty());
}

TEST_F(ShardWhenFull, NeitherWaitsForARingThatIsKeptOrCongested) {
  say("send wait", 5);
  EXPECT_EQ(seen().done, 4U);
  limits_.stall_timeout_ns = 0;
  run();
  run();  // the fifth has overflowed: the ring is congested
  limits_.stall_timeout_ns = kEndless;
  EXPECT_EQ(burials().size(), 1U);
  ASSERT_EQ(take(Priority::normal, kFirstClient, 1).size(), 1U);
  say("send fail");
  EXPECT_EQ(seen().refused, 1U);
  say("send drop");
  EXPECT_EQ(burials().size(), 2U);
  ASSERT_EQ(take(Priority::normal).size(), 3U);
  say("send fail");
  EXPECT_EQ(seen().refused, 1U);
  EXPECT_EQ(take(Priority::normal).size(), 1U);
}

TEST_F(ShardWhenFull, EventsDoTheSame) {
  hold_log();
  say("emit fail", 5);
  EXPECT_EQ(seen().done, 5U);
  EXPECT_EQ(seen().refused, 1U);
  EXPECT_TRUE(burials().empty());
  say("emit drop");
  EXPECT_EQ(seen().refused, 1U);
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, DeadReason::overflow);
  EXPECT_EQ(record().events_published, 4U);
  EXPECT_FALSE(shard().is_waiting());
}

// Nothing waits for it, yet a reader may not hold a log for ever.
TEST_F(ShardWhenFull, ReaderThatHoldsTheLogIsEvictedAllTheSame) {
  hold_log();
  say("emit drop", 5);
  EXPECT_EQ(record().events_published, 4U);
  limits_.stall_timeout_ns = 0;
  say("emit drop");
  EXPECT_EQ(record().events_published, 5U);
  EXPECT_EQ(burials().size(), 1U);
}

TEST_F(ShardWhenFull, WhatIsDroppedIsNotWhereItsMessageIsUndone) {
  hold_log();
  say("emit wait", 4);
  say("send wait", 4);
  post(agent_, "send drop");
  post(agent_, "send wait");
  run();
  EXPECT_EQ(burials().size(), 1U);
  EXPECT_TRUE(shard().is_waiting());
}

}  // namespace
}  // namespace mabeam::worker

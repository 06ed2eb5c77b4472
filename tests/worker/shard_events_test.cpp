// Events: to whom they go, how often, from when on, and what is told of those that were missed.
#include "shm/event_log.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

class ShardEvents : public ShardTest {
 protected:
  /// Cursor of shard 0 in the first client's log.
  [[nodiscard]] std::uint64_t cursor() const {
    const std::span<std::byte> log = segment_.log(kFirstClient);
    const auto* cursors =
        reinterpret_cast<const shm::LogCursor*>(log.data() + sizeof(shm::LogHeader));
    return cursors[1].position.load();
  }
};

TEST_F(ShardEvents, WildcardsChooseTopics) {
  const AgentId one = create({.subscribe = {"job.*"}}).value();
  const AgentId rest = create({.subscribe = {"job.>"}}).value();
  const AgentId exact = create({.subscribe = {"other.x"}}).value();
  emit("job.a", 1);
  emit("job.a.b", 2);
  emit("other.x", 3);
  emit("other.y", 4);
  run();
  EXPECT_EQ(state(one).all(), (Values{1}));
  EXPECT_EQ(state(rest).all(), (Values{1, 2}));
  EXPECT_EQ(state(exact).all(), (Values{3}));
  EXPECT_EQ(record().events_delivered, 4U);
  EXPECT_EQ(record().events_missed, 0U);
}

TEST_F(ShardEvents, TwoPatternsOfOneAgentDeliverOnce) {
  const AgentId agent = create({.subscribe = {"job.*", "job.>", "job.a"}}).value();
  emit("job.a", 1);
  run();
  EXPECT_EQ(state(agent).all(), (Values{1}));
}

// Turns of 3 messages end in the middle of an event's subscribers.
TEST_F(ShardEvents, EachSubscriberGetsEachEventOnceInOrder) {
  const AgentId first = create({.subscribe = {"job.*"}}).value();
  const AgentId second = create({.subscribe = {"job.*"}}).value();
  Values values;
  for (std::int64_t value = 1; value <= 10; ++value) {
    values.push_back(value);
    emit("job.a", value);
  }
  limits_.turn_messages = 3;
  EXPECT_EQ(turn(), 3U);
  EXPECT_EQ(state(first).all(), (Values{1, 2}));
  EXPECT_EQ(state(second).all(), (Values{1}));
  run();
  EXPECT_EQ(state(first).all(), values);
  EXPECT_EQ(state(second).all(), values);
}

// The same across a death: what was committed in the middle of an event is not served twice.
TEST_F(ShardEvents, SuccessorGoesOnInTheMiddleOfAnEvent) {
  const AgentId first = create({.subscribe = {"job.*"}}).value();
  const AgentId second = create({.subscribe = {"job.*"}}).value();
  emit("job.a", 1);
  emit("job.a", 2);
  limits_.turn_messages = 1;
  EXPECT_EQ(turn(), 1U);
  ASSERT_TRUE(adopt(0, 2));
  run();
  EXPECT_EQ(state(first).all(), (Values{1, 2}));
  EXPECT_EQ(state(second).all(), (Values{1, 2}));
  EXPECT_EQ(record().events_missed, 0U);
}

TEST_F(ShardEvents, SubscriptionBeginsWithItself) {
  const AgentId early = create({.subscribe = {"job.*"}}).value();
  emit("job.a", 1);
  post_create({.subscribe = {"job.*"}});
  run();
  const AgentId late{static_cast<std::uint64_t>(take(Priority::high).at(0).value())};
  emit("job.a", 2);
  run();
  EXPECT_EQ(state(early).all(), (Values{1, 2}));
  EXPECT_EQ(state(late).all(), (Values{2}));
}

// The first subscription of a shard takes cursors in the logs before its message is run.
TEST_F(ShardEvents, HandlerThatSubscribesRunsOnce) {
  const AgentId agent = create().value();
  EXPECT_EQ(cursor(), shm::kNotReading);
  emit("job.a", 1);
  post(agent, "join", Task{.value = 100});
  run();
  emit("job.a", 2);
  run();
  EXPECT_NE(cursor(), shm::kNotReading);
  EXPECT_EQ(state(agent).all(), (Values{100, 2}));
}

TEST_F(ShardEvents, UndoneSubscriptionIsNone) {
  const AgentId agent = create().value();
  post(agent, "join-fail", Task{.value = 100});
  run();
  emit("job.a", 1);
  run();
  EXPECT_EQ(state(agent).count, 0U);
  EXPECT_EQ(subscriptions_used(), 0U);
}

TEST_F(ShardEvents, LastUnsubscriptionGivesTheCursorsUp) {
  const AgentId agent = create({.subscribe = {"job.*"}}).value();
  EXPECT_NE(cursor(), shm::kNotReading);
  post(agent, "part", Task{.value = 100});
  run();
  emit("job.a", 1);
  run();
  EXPECT_EQ(state(agent).all(), (Values{100}));
  EXPECT_EQ(subscriptions_used(), 0U);
  EXPECT_EQ(cursor(), shm::kNotReading) << "a shard that wants nothing holds nobody back";
}

TEST_F(ShardEvents, AgentsHearEachOtherAcrossShards) {
  const AgentId emitter = create().value();
  const AgentId here = create({.subscribe = {"job.done"}}).value();
  const AgentId there = create({.subscribe = {"job.done"}, .shard = 1}).value();
  for (std::int64_t value = 1; value <= 3; ++value)
    post(emitter, "emit", Task{.value = value});
  run(0);
  run(1);
  EXPECT_EQ(state(here).all(), (Values{1, 2, 3}));
  EXPECT_EQ(state(there).all(), (Values{1, 2, 3}));
  EXPECT_EQ(record(0).events_published, 3U);
}

TEST_F(ShardEvents, ErrorUndoesTheEventForThatSubscriberOnly) {
  const AgentId agent = create({.subscribe = {"job.*"}}).value();
  emit("job.a", 1);
  emit("job.fail", 2);
  emit("job.a", 3);
  EXPECT_EQ(turn(), 3U);
  EXPECT_EQ(state(agent).all(), (Values{1, 3}));
}

// Shard 1 sleeps on its cursor, until shard 0 has no patience left.
TEST_F(ShardEvents, EvictedReaderCountsWhatItMissed) {
  const AgentId emitter = create().value();
  const AgentId listener = create({.subscribe = {"job.*"}, .shard = 1}).value();
  post(emitter, "emit", Task{.value = 1});
  run(0);
  run(1);
  for (std::int64_t value = 2; value <= 6; ++value)
    post(emitter, "emit", Task{.value = value, .bytes = kQuarterLog});
  run(0);
  ASSERT_TRUE(shard(0).is_waiting());
  limits_.stall_timeout_ns = 0;
  run(0);
  run(0);
  ASSERT_FALSE(shard(0).is_waiting());
  EXPECT_EQ(state(emitter).count, 6U);
  run(1);
  post(emitter, "emit", Task{.value = 7});
  run(0);
  run(1);
  EXPECT_EQ(state(listener).all(), (Values{1, 7}));
  EXPECT_EQ(record(1).events_missed, 5U);
}

}  // namespace
}  // namespace mabeam::worker

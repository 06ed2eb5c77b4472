// Suspension: what comes for a suspended agent waits, in order, until it resumes or ends.
#include "tests/worker/suspend_support.hpp"

namespace mabeam::worker {
namespace {

using shm::DeadReason;
using shm::Kind;
using Values = std::vector<std::int64_t>;

class ShardSuspend : public SuspendTest {};

TEST_F(ShardSuspend, MessagesWaitAndAreHandledInOrder) {
  suspend(agent_);
  EXPECT_EQ(life(agent_), Lifecycle::suspended);
  EXPECT_EQ(reason(agent_), Errc::suspended);
  for (std::int64_t value = 1; value <= 5; ++value)
    add(agent_, value);
  run();
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_GT(parked_bytes(), 0U);
  EXPECT_TRUE(shard().is_drained()) << "what waits holds no worker back";
  EXPECT_FALSE(shard().has_work());
  expect_whole();
  resume(agent_);
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4, 5}));
  EXPECT_EQ(life(agent_), Lifecycle::ready);
  EXPECT_EQ(reason(agent_), Errc{});
  EXPECT_EQ(parked_bytes(), 0U);
  EXPECT_TRUE(burials().empty());
  expect_whole();
}

TEST_F(ShardSuspend, OthersAreServedMeanwhile) {
  const AgentId other = create().value();
  suspend(agent_);
  for (std::int64_t value = 1; value <= 6; ++value)
    add(value % 2 == 0 ? agent_ : other, value);
  run();
  EXPECT_EQ(state(other).all(), (Values{1, 3, 5}));
}

// Newer messages come in the turns in which older ones are replayed.
TEST_F(ShardSuspend, WhatComesWhileItResumesComesBehind) {
  limits_.turn_messages = 4;
  suspend(agent_);
  for (std::int64_t value = 1; value <= 9; ++value)
    add(agent_, value);
  run();
  begin_to_resume(agent_);
  ASSERT_EQ(life(agent_), Lifecycle::resuming);
  for (std::int64_t value = 10; value <= 15; ++value) {
    add(agent_, value);
    turn();
  }
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(life(agent_), Lifecycle::ready);
}

TEST_F(ShardSuspend, ReplayTakesNoMoreThanHalfOfATurn) {
  limits_.turn_messages = 8;
  const AgentId other = create().value();
  suspend(agent_);
  for (std::int64_t value = 1; value <= 20; ++value)
    add(agent_, value);
  run();
  begin_to_resume(agent_);
  for (std::int64_t value = 1; value <= 8; ++value)
    add(other, value);
  EXPECT_EQ(turn(), 8U);
  EXPECT_EQ(state(agent_).count, 4U);
  EXPECT_EQ(state(other).count, 4U);
}

// One resumes while the messages of the others lie between its own; their order holds.
TEST_F(ShardSuspend, SeveralAgentsShareTheLog) {
  const AgentId second = create().value();
  const AgentId third = create().value();
  for (const AgentId agent : {agent_, second, third})
    suspend(agent);
  for (std::int64_t value = 1; value <= 12; ++value)
    add(value % 3 == 0 ? agent_ : value % 3 == 1 ? second : third, value);
  run();
  limits_.turn_messages = 4;
  begin_to_resume(second);
  turn();
  EXPECT_EQ(state(second).all(), (Values{1, 4})) << "in the middle of its replay";
  expect_whole();
  add(agent_, 13);
  add(third, 14);
  run();
  EXPECT_EQ(state(second).all(), (Values{1, 4, 7, 10}));
  EXPECT_EQ(life(second), Lifecycle::ready);
  resume(third);
  EXPECT_EQ(state(third).all(), (Values{2, 5, 8, 11, 14}));
  resume(agent_);
  EXPECT_EQ(state(agent_).all(), (Values{3, 6, 9, 12, 13}));
  EXPECT_EQ(parked_bytes(), 0U);
}

// The log goes round many times, and its pads with it.
TEST_F(ShardSuspend, LogGoesRound) {
  const AgentId second = create().value();
  suspend(second);
  std::vector<std::byte> body(3000);
  std::int64_t sum = 0;
  for (std::int64_t round = 1; round <= 60; ++round) {
    suspend(agent_);
    for (const AgentId agent : {second, agent_}) {
      const Task task{.value = round};
      std::memcpy(body.data(), &task, sizeof task);
      post(agent, "add",
           agent == second ? PayloadRef{task} : PayloadRef{std::span<const std::byte>{body}});
    }
    add(agent_, round);
    run();
    resume(agent_);
    sum += round;
    if (round % 20 == 0) expect_whole();
  }
  EXPECT_EQ(state(agent_).count, 120U);
  EXPECT_TRUE(burials().empty());
  resume(second);
  EXPECT_EQ(state(second).count, 60U);
  EXPECT_EQ(state(second).sum, sum);
  EXPECT_GT(log().tail.load(), 2 * (segment_.parking(0).size())) << "it never went round";
}

TEST_F(ShardSuspend, EventsWaitWithTheirHeaders) {
  const AgentId listener = create({.subscribe = {"job.*"}}).value();
  const AgentId other = create({.subscribe = {"job.*"}}).value();
  suspend(listener);
  emit("job.a", 1);
  emit("job.b", 2);
  run();
  EXPECT_EQ(state(listener).count, 0U);
  EXPECT_EQ(state(other).all(), (Values{1, 2}));
  add(listener, 3);
  run();
  expect_whole();
  resume(listener);
  emit("job.a", 4);
  run();
  EXPECT_EQ(state(listener).all(), (Values{1, 2, 3, 4}));
  EXPECT_EQ(state(other).all(), (Values{1, 2, 4})) << "replay is for the one that waited";
}

TEST_F(ShardSuspend, EventsThatComeWhileItResumesComeBehind) {
  limits_.turn_messages = 2;
  const AgentId listener = create({.subscribe = {"job.*"}}).value();
  suspend(listener);
  for (std::int64_t value = 1; value <= 4; ++value)
    emit("job.a", value);
  run();
  begin_to_resume(listener);
  ASSERT_EQ(life(listener), Lifecycle::resuming);
  emit("job.a", 5);
  run();
  EXPECT_EQ(state(listener).all(), (Values{1, 2, 3, 4, 5}));
}

TEST_F(ShardSuspend, RequestIsAnsweredWhenItsAgentResumes) {
  suspend(agent_);
  ASSERT_TRUE(ask(agent_, "get", Task{.value = 5}).empty());
  begin_to_resume(agent_);
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.back().value(), 5);
  EXPECT_EQ(replies.back().header.correlation, 77U);
}

TEST_F(ShardSuspend, DeadlinePassesWhileAMessageWaits) {
  suspend(agent_);
  const std::int64_t soon = shm::monotonic_ns() + 1'000'000'000;
  post(agent_, "add", Task{.value = 1}, {.deadline_ns = soon});
  post(agent_, "get", Task{.value = 2}, {.kind = Kind::request, .deadline_ns = soon});
  add(agent_, 4);
  run();
  if (record().expired != 0) GTEST_SKIP() << "this machine took a second for one turn";
  while (shm::monotonic_ns() <= soon) {
  }
  begin_to_resume(agent_);
  run();
  EXPECT_EQ(state(agent_).all(), (Values{4}));
  EXPECT_EQ(record().expired, 2U);
  ASSERT_EQ(burials().size(), 2U);
  EXPECT_EQ(burials().front().reason, DeadReason::expired);
  EXPECT_EQ(take(Priority::high).back().code, Errc::timed_out);
}

TEST_F(ShardSuspend, FullLogRefusesOutLoud) {
  suspend(agent_);
  std::vector<std::byte> body(kQuarterRing);
  std::uint32_t posted = 0;
  while (burials().empty() && posted < 100) {
    post(agent_, "add", std::span<const std::byte>{body});
    ++posted;
    run();
  }
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, DeadReason::overflow);
  EXPECT_EQ(posted, 7U) << "three eighths of the log are for messages";
  const std::vector<Letter> replies = ask(agent_, "get", std::span<const std::byte>{body});
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::suspended);
  EXPECT_EQ(record().refused, 2U);
  expect_whole();
  resume(agent_);
  EXPECT_EQ(state(agent_).count, 6U);
  suspend(agent_);
  add(agent_, 1);
  run();
  resume(agent_);
  EXPECT_EQ(state(agent_).count, 7U) << "there is room again";
}

TEST_F(ShardSuspend, EndMakesDeadLettersOfWhatWaits) {
  const AgentId second = create().value();
  suspend(agent_);
  suspend(second);
  add(second, 1);
  add(agent_, 2);
  post(agent_, "get", Task{.value = 3}, {.kind = Kind::request});
  add(second, 4);
  run();
  post(agent_, "stop", {}, {.kind = Kind::stop});
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies.front().code, Errc{});
  EXPECT_EQ(replies.back().code, Errc::not_found) << "the request that waited";
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, DeadReason::no_agent);
  EXPECT_EQ(burials().front().header.target, agent_.value());
  const AgentId heir = create().value();
  ASSERT_EQ(heir.slot(), agent_.slot());
  resume(second);
  EXPECT_EQ(state(second).all(), (Values{1, 4}));
  EXPECT_EQ(state(heir).count, 0U);
  EXPECT_EQ(parked_bytes(), 0U);
}

TEST_F(ShardSuspend, BothOrdersMayBeRepeated) {
  resume(agent_);
  suspend(agent_);
  suspend(agent_);
  add(agent_, 1);
  run();
  resume(agent_);
  resume(agent_);
  EXPECT_EQ(state(agent_).all(), (Values{1}));
  const AgentId nobody{EndpointId{1}, 7, 9};
  EXPECT_EQ(tell(nobody, Kind::suspend), Errc::not_found);
}

TEST_F(ShardSuspend, AgentMayBeSuspendedAgainWhileItResumes) {
  limits_.turn_messages = 4;
  suspend(agent_);
  for (std::int64_t value = 1; value <= 6; ++value)
    add(agent_, value);
  run();
  begin_to_resume(agent_);
  post(agent_, "tell", {}, {.kind = Kind::suspend, .priority = Priority::high});
  turn();
  ASSERT_EQ(take(Priority::high).size(), 1U);
  EXPECT_EQ(life(agent_), Lifecycle::suspended);
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1, 2}));
  add(agent_, 7);
  run();
  resume(agent_);
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4, 5, 6, 7}));
}

}  // namespace
}  // namespace mabeam::worker

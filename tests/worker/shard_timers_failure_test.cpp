// Timers, when things go wrong: handlers that fail, rings that are full, agents that end, owners
// that die. Each fires once all the same.
#include "tests/worker/shard_timers_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

TEST_F(ShardTimers, WhatAHandlerSetIsUndoneWithIt) {
  set({.value = 7, .does = {{"set then fail"}}});
  post(agent_, "set then fail", Timing{.value = 8});
  run();
  EXPECT_EQ(fired(), (Values{}));
  EXPECT_EQ(timers_used(), 0U);
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever);
  EXPECT_EQ(fill().set, 128U) << "no record is lost";
  EXPECT_EQ(fill().set, 72U);
}

TEST_F(ShardTimers, CancellingIsUndoneWithItsHandler) {
  const TimerId id = set({.delay_ns = kHour});
  post(agent_, "cancel then fail", static_cast<std::uint64_t>(id));
  run();
  EXPECT_EQ(timers_used(), 1U);
  EXPECT_EQ(cancel(id), Errc{});
}

TEST_F(ShardTimers, FailedHandlerIsUndoneYetItsTimerHasFired) {
  set({.value = 7, .does = {{"fail"}}});
  set({.period_ns = kHour, .value = 8, .does = {{"throw"}}});
  run();
  EXPECT_EQ(fired(), (Values{}));
  EXPECT_TRUE(take(Priority::normal).empty()) << "what it sent is undone, too";
  EXPECT_EQ(timers_used(), 1U) << "the one that repeats";
  EXPECT_GT(shard().next_due_ns(), shm::monotonic_ns());
  EXPECT_TRUE(burials().empty());
}

// Its new life sets its own; the id of the old one's went with its state.
TEST_F(ShardTimers, AgentThatIsRestartedHasThoseOfItsNewLife) {
  const AgentId fickle = create({.type = "fickle"}).value();
  const TimerId old = state<Memory>(fickle).last;
  make_due(0, 1);
  run();
  EXPECT_EQ(state<Memory>(fickle).count, 0U);
  EXPECT_NE(state<Memory>(fickle).last, old);
  EXPECT_EQ(timers_used(), 1U);
  EXPECT_GT(shard().next_due_ns(), shm::monotonic_ns());
  EXPECT_EQ(fill().set, 128U);
  EXPECT_EQ(fill().set, 71U) << "no record is lost";
}

TEST_F(ShardTimers, AgentThatEndsAtAFailureEndsAtATimersToo) {
  const AgentId frail = create({.type = "frail"}).value();
  make_due(0, 1);
  run();
  EXPECT_FALSE(segment_.is_alive(frail));
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever);
  EXPECT_EQ(fill().set, 128U);
  EXPECT_EQ(fill().set, 72U);
}

TEST_F(ShardTimers, FullRingHasItTriedAgain) {
  fill_ring();
  set({.value = 7, .does = {{"send"}}});
  run();
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever) << "it waits for room, not for a time";
  EXPECT_EQ(fired(), (Values{}));
  EXPECT_EQ(timers_used(), 1U);
  EXPECT_EQ(take(Priority::normal).size(), 4U);
  run();
  EXPECT_EQ(fired(), (Values{7}));
  EXPECT_EQ(take(Priority::normal).size(), 1U);
  EXPECT_FALSE(shard().is_waiting());
}

TEST_F(ShardTimers, PatienceWithAFullRingHasAnEnd) {
  fill_ring();
  set({.value = 7, .does = {{"send"}}});
  limits_.stall_timeout_ns = 0;
  for (const char* what : {"is tried", "begins to be patient", "loses patience"}) {
    SCOPED_TRACE(what);
    EXPECT_EQ(fired(), (Values{}));
    run();
  }
  EXPECT_EQ(fired(), (Values{7}));
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::overflow);
}

// ---- ends and deaths -------------------------------------------------------------------------

TEST_F(ShardTimers, EndWithTheirAgent) {
  EXPECT_EQ(fill().set, 128U);
  EXPECT_EQ(fill().set, 72U);
  ASSERT_EQ(stop(agent_), Errc{});
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever);
  const AgentId heir = create({.type = "ticker"}).value();
  ASSERT_EQ(heir.slot(), agent_.slot()) << "the slot is another's now";
  agent_ = heir;
  EXPECT_EQ(fill().set, 128U) << "and the records are free";
  EXPECT_EQ(fill().set, 72U);
}

TEST_F(ShardTimers, ThoseOfTheDeadAreNobodysInAnotherLifeEither) {
  set({.delay_ns = kHour});
  ASSERT_EQ(stop(agent_), Errc{});
  const AgentId heir = create({.type = "ticker"}).value();
  ASSERT_EQ(heir.slot(), agent_.slot());
  make_due(0, 1);
  run();
  EXPECT_EQ(state<Memory>(heir).last, TimerId::none);
  EXPECT_TRUE(burials().empty());
}

TEST_F(ShardTimers, AgentMayEndOnATimer) {
  set({.delay_ns = kHour});
  set({.does = {{"quit"}}});
  run();
  EXPECT_FALSE(segment_.is_alive(agent_));
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever);
  agent_ = create({.type = "ticker"}).value();
  EXPECT_EQ(fill().set, 128U);
  EXPECT_EQ(fill().set, 72U) << "no record is lost, none is free twice";
}

TEST_F(ShardTimers, OutliveTheirOwner) {
  set({.delay_ns = kHour, .value = 1});
  set({.period_ns = kHour, .value = 2});
  set({.value = 3});
  ASSERT_TRUE(adopt(0, 2, kTypes));
  EXPECT_LE(shard().next_due_ns(), shm::monotonic_ns());
  run();
  EXPECT_EQ(fired(), (Values{2, 3}));
  ASSERT_TRUE(adopt(0, 3, kTypes));
  run();
  EXPECT_EQ(fired(), (Values{2, 3})) << "once each";
  EXPECT_EQ(timers_used(), 2U);
}

TEST_F(ShardTimers, DeathBetweenCommitAndApplyFiresNoneTwice) {
  set({.delay_ns = kHour, .value = 1});
  set({.delay_ns = kHour, .period_ns = kHour, .value = 2});
  make_due(0, 1);
  make_due(1, 2);
  const std::vector<std::byte> before(segment_.bytes().begin(), segment_.bytes().end());
  EXPECT_EQ(turn(), 2U);
  unapply(before);
  ASSERT_EQ(fired(), (Values{})) << "the turn is committed and not applied";
  ASSERT_EQ(timers_used(), 2U);
  ASSERT_TRUE(adopt(0, ++incarnation_, kTypes));
  run();
  EXPECT_EQ(fired(), (Values{1, 2}));
  EXPECT_EQ(timers_used(), 1U);
}

TEST_F(ShardTimers, DeathUnderItsHandlerIsAnAttempt) {
  set({.value = 7});
  die_under(witness_of(0));
  EXPECT_EQ(record().blamed_count, 1U);
  run();
  EXPECT_EQ(fired(), (Values{7}));
  EXPECT_EQ(state<Memory>(agent_).attempt, 2U);
  EXPECT_EQ(record().blamed_count, 0U) << "it has passed";
}

TEST_F(ShardTimers, OneThatKillsEveryOwnerIsPoison) {
  set({.delay_ns = kHour});
  const TimerId id = set({.period_ns = 1, .value = 7});
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i)
    die_under(witness_of(1));
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::poison);
  EXPECT_EQ(burials().front().header.target, agent_.value());
  EXPECT_EQ(burials().front().header.id, static_cast<std::uint64_t>(id));
  EXPECT_EQ(segment_.symbols().text(burials().front().header.symbol), "note");
  EXPECT_EQ(fired(), (Values{}));
  EXPECT_EQ(timers_used(), 1U) << "it is gone, though it repeats; the other stays";
  EXPECT_EQ(record().blamed_count, 0U);
}

// The dead one's record is given to another timer of the same agent.
TEST_F(ShardTimers, AnotherInItsRecordIsNotToBlame) {
  const TimerId id = set({.delay_ns = kHour, .value = 7});
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i)
    die_under(witness_of(0));
  EXPECT_EQ(cancel(id), Errc{});
  set({.value = 8});
  run();
  EXPECT_EQ(fired(), (Values{8}));
  EXPECT_TRUE(burials().empty());
}

TEST_F(ShardTimers, DamagedRecordsHarmNobody) {
  set({.delay_ns = kHour, .period_ns = kHour, .value = 7});
  for (std::uint32_t index = 1; index < 4; ++index)
    timer(index).word.store(timer_word());
  timer(1).word.store(~std::uint64_t{0});
  timer(2).due_ns.store(~std::uint64_t{0});
  timer(2).period_ns.store(~std::uint64_t{0});
  timer(3).word.store(timer_word() + (std::uint64_t{1} << 24U));  // that is no slot, cut or not
  make_due(0, 1);
  run();
  EXPECT_EQ(shard().next_due_ns(), static_cast<std::int64_t>(timer(0).due_ns.load()));
  EXPECT_EQ(timer(2).word.load(), 0U) << "it was due, once, at no time";
}

}  // namespace
}  // namespace mabeam::worker

// Timers: they fire once each time they are due, whatever fails, is full or dies meanwhile, and
// they end with their agent. Time is not waited for: a timer is due at once, or in an hour, and a
// test that wants it late writes so into its record and has the shard adopted.
#include "shm/spsc_ring.hpp"
#include "tests/worker/shard_timers_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

TEST_F(ShardTimers, FiresOnce) {
  set({.value = 7});
  EXPECT_EQ(fired(), (Values{})) << "not by the turn that sets it";
  run();
  EXPECT_EQ(fired(), (Values{7}));
  EXPECT_EQ(timers_used(), 0U);
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever);
}

TEST_F(ShardTimers, HandlerIsToldWhichTimerItIs) {
  const TimerId id = set({.value = 7});
  const auto due = static_cast<std::int64_t>(timer(0).due_ns.load());
  run();
  EXPECT_EQ(state<Memory>(agent_).last, id);
  EXPECT_EQ(state<Memory>(agent_).due_ns, due);
}

TEST_F(ShardTimers, IsNotDueBeforeItsTime) {
  set({.delay_ns = kHour});
  run();
  EXPECT_EQ(fired(), (Values{}));
  EXPECT_EQ(shard().next_due_ns(), static_cast<std::int64_t>(timer(0).due_ns.load()));
}

TEST_F(ShardTimers, RepeatsUntilItIsCancelled) {
  const TimerId id = set({.period_ns = 1, .value = 7});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(fired(), (Values{7, 7, 7}));
  EXPECT_EQ(cancel(id), Errc{});
  const std::size_t count = fired().size();
  run();
  EXPECT_EQ(fired().size(), count);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTimers, RepeatingOneKeepsItsRhythm) {
  set({.period_ns = kHour});
  const std::uint64_t due = timer(0).due_ns.load();
  run();
  EXPECT_EQ(timer(0).due_ns.load(), due + kHour);
}

TEST_F(ShardTimers, LateRepeatingOneFiresOnceAndGoesOnFromNow) {
  const std::int64_t before = shm::monotonic_ns();
  const std::int64_t period = before / 20;  // the clock may have begun minutes ago
  set({.delay_ns = kHour, .period_ns = period, .value = 7});
  make_due(0, before - 10 * period);
  run();
  EXPECT_EQ(fired(), (Values{7}));
  const auto due = static_cast<std::int64_t>(timer(0).due_ns.load());
  EXPECT_GE(due, before + period);
  EXPECT_LE(due, shm::monotonic_ns() + period);
}

TEST_F(ShardTimers, FireInTheOrderInWhichTheyAreDue) {
  for (std::int64_t value = 0; value < 3; ++value)
    set({.delay_ns = kHour, .value = value});
  make_due(0, 3);
  make_due(1, 1);
  make_due(2, 2);
  run();
  EXPECT_EQ(fired(), (Values{1, 2, 0}));
}

TEST_F(ShardTimers, MayBeSetByOnStartAndByATimer) {
  const AgentId eager = create({.type = "eager"}).value();
  run();
  EXPECT_EQ(state<Memory>(eager).all(), (Values{5, 6}));
}

// ---- cancelling ------------------------------------------------------------------------------

TEST_F(ShardTimers, CancelledOneNeverFires) {
  const TimerId id = set({.delay_ns = kHour});
  EXPECT_EQ(cancel(id), Errc{});
  EXPECT_EQ(timers_used(), 0U);
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever);
  EXPECT_EQ(cancel(id), Errc::not_found);
}

TEST_F(ShardTimers, IdOfOneThatHasFiredCancelsNoOther) {
  const TimerId id = set();
  run();
  set({.delay_ns = kHour});
  ASSERT_EQ(timer(0).word.load(), timer_word()) << "the same record";
  EXPECT_EQ(cancel(id), Errc::not_found);
  EXPECT_EQ(timers_used(), 1U);
}

TEST_F(ShardTimers, AnothersIsNotFound) {
  const TimerId id = set({.delay_ns = kHour});
  const AgentId other = create({.type = "ticker"}).value();
  EXPECT_EQ(cancel(id, other), Errc::not_found);
  EXPECT_EQ(cancel(TimerId::none), Errc::not_found);
  EXPECT_EQ(cancel(static_cast<TimerId>(~std::uint64_t{0})), Errc::not_found);
  EXPECT_EQ(timers_used(), 1U);
}

TEST_F(ShardTimers, OneThatRepeatsMayCancelItself) {
  set({.period_ns = 1, .value = 7, .does = {{"cancel"}}});
  run();
  EXPECT_EQ(fired(), (Values{7}));
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTimers, OneThatFiresForTheLastTimeCannotCancelItself) {
  set({.value = 7, .does = {{"cancel"}}});
  run();
  EXPECT_EQ(fired(), (Values{})) << "its handler has failed, and is undone";
  EXPECT_EQ(timers_used(), 0U);
  EXPECT_EQ(fill(), (Filled{128, Errc::too_many_changes})) << "no record is lost";
  EXPECT_EQ(fill(), (Filled{72, Errc::timers_full}));
}

TEST_F(ShardTimers, MessageMayCancelWhatItHasSet) {
  post(agent_, "both", Timing{.delay_ns = kHour});
  run();
  EXPECT_EQ(timers_used(), 0U);
  EXPECT_EQ(shard().next_due_ns(), Timers::kNever);
}

// ---- refusals --------------------------------------------------------------------------------

TEST_F(ShardTimers, FullTableAndTooManyInOneMessageAreRefused) {
  EXPECT_EQ(fill(), (Filled{128, Errc::too_many_changes}));
  EXPECT_EQ(fill(), (Filled{72, Errc::timers_full}));
  EXPECT_EQ(timers_used(), kTimers);
  EXPECT_EQ(cancel(id_of(9)), Errc{});
  EXPECT_EQ(fill(), (Filled{1, Errc::timers_full}));
}

TEST_F(ShardTimers, FullTableHasRoomAgainWhenAnAgentEnds) {
  const AgentId other = create({.type = "ticker"}).value();
  while (fill().code != Errc::timers_full) {
  }
  EXPECT_EQ(ask(other, "set", Timing{}).front().code, Errc::timers_full);
  ASSERT_EQ(stop(agent_), Errc{});
  EXPECT_EQ(ask(other, "set", Timing{}).front().code, Errc{});
  run();
  EXPECT_EQ(state<Memory>(other).all(), (Values{0}));
}

TEST_F(ShardTimers, NegativeTimesAreRefused) {
  for (const Timing& timing : {Timing{.delay_ns = -1}, Timing{.period_ns = -1}})
    EXPECT_EQ(ask(agent_, "set", timing).front().code, Errc::invalid_argument);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTimers, TypeWithoutOnTimerIsRefused) {
  const AgentId deaf = create({.type = "deaf"}).value();
  EXPECT_EQ(ask(deaf, "set").front().code, Errc::invalid_argument);
}

TEST_F(ShardTimers, LongestTimesNeverCome) {
  set({.delay_ns = Timers::kNever, .period_ns = Timers::kNever});
  run();
  EXPECT_EQ(fired(), (Values{}));
  make_due(0, 1);
  run();
  EXPECT_EQ(fired().size(), 1U);
  EXPECT_EQ(timer(0).due_ns.load(), static_cast<std::uint64_t>(Timers::kNever));
}

// ---- beside messages -------------------------------------------------------------------------

TEST_F(ShardTimers, ATurnHasRoomForAQuarterOfThem) {
  limits_.turn_messages = 8;
  for (int i = 0; i < 5; ++i)
    set({.delay_ns = kHour, .value = i});
  for (std::uint32_t index = 0; index < 5; ++index)
    make_due(index, 1);
  EXPECT_EQ(turn(), 2U);
  EXPECT_EQ(turn(), 2U);
  EXPECT_EQ(turn(), 1U);
}

TEST_F(ShardTimers, SettingOrCancellingOneEndsTheTurn) {
  post(agent_, "set", Timing{.delay_ns = kHour});
  post(agent_, "note", Timing{.value = 1});
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(turn(), 1U);
  post(agent_, "cancel", static_cast<std::uint64_t>(id_of(0)));
  post(agent_, "fail");
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(timers_used(), 0U) << "a later message that fails takes nothing back";
}

// One is always due, messages always wait, and a turn has room for one of them.
TEST_F(ShardTimers, NeitherTimersNorMessagesNorSendersStarve) {
  limits_.turn_messages = 1;
  const AgentId other = create({.type = "ticker"}).value();
  set({.period_ns = 1, .value = 7});
  for (int i = 0; i < 4; ++i) {
    post(other, "note", Timing{.value = 1});
    post(other, "note", Timing{.value = 2}, {.client = kSecondClient});
  }
  for (int i = 0; i < 8; ++i)
    turn();
  EXPECT_EQ(fired().size(), 4U);
  Values values = state<Memory>(other).all();
  std::sort(values.begin(), values.end());
  EXPECT_EQ(values, (Values{1, 1, 2, 2}));
}

}  // namespace
}  // namespace mabeam::worker

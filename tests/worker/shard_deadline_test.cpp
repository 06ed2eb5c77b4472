// Deadlines of calls: carried along, kept, and told exactly once.
#include "tests/worker/calls_support.hpp"

#include <thread>

namespace mabeam::worker {
namespace {

using shm::DeadReason;
using shm::Kind;

class ShardDeadline : public ShardCalls {
 protected:
  /// The deadline of what the caller sends to the client in the handler of a request that has one.
  std::int64_t deadline_of(const Asking& asking, std::int64_t request_ns,
                           std::string_view action = "call") {
    post(caller_, action, asking, {.kind = Kind::request, .deadline_ns = request_ns});
    run(0);
    const std::vector<Letter> sent = take(Priority::normal);
    return sent.size() == 1 ? sent.front().header.deadline_ns : -1;
  }

  std::int64_t in_an_hour_ = shm::monotonic_ns() + kHour;
};

TEST_F(ShardDeadline, CallInHandlerHasTheOneOfItsRequest) {
  EXPECT_EQ(deadline_of({client_.value()}, in_an_hour_), in_an_hour_);
}

TEST_F(ShardDeadline, LaterOneIsCutToThatOfTheRequest) {
  EXPECT_EQ(deadline_of({client_.value(), 2 * kHour}, in_an_hour_), in_an_hour_);
}

TEST_F(ShardDeadline, EarlierOneStays) {
  const std::int64_t deadline = deadline_of({client_.value(), kHour / 2}, in_an_hour_);
  EXPECT_GT(deadline, shm::monotonic_ns());
  EXPECT_LT(deadline, in_an_hour_ - kHour / 4);
}

TEST_F(ShardDeadline, DetachedCallHasItsOwn) {
  EXPECT_EQ(deadline_of({client_.value(), 0, 1}, in_an_hour_), 0);
  EXPECT_GT(deadline_of({client_.value(), 2 * kHour, 1}, in_an_hour_), in_an_hour_);
}

TEST_F(ShardDeadline, SignalInHandlerHasNone) {
  EXPECT_EQ(deadline_of({client_.value()}, in_an_hour_, "send"), 0);
}

TEST_F(ShardDeadline, RequestWithoutGivesNone) {
  EXPECT_EQ(deadline_of({client_.value()}, 0), 0);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardDeadline, ExpiredRequestIsNeverHandledAndItsCallerIsTold) {
  call({puppet_.value(), 1});  // a nanosecond
  run(1);
  EXPECT_EQ(state(puppet_).count, 0U);
  ASSERT_EQ(burials(1).size(), 1U);
  EXPECT_EQ(burials(1).front().reason, DeadReason::expired);
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().outcome, Errc::timed_out);
}

TEST_F(ShardDeadline, CallsToAShardThatNobodyServesFailFast) {
  for (int i = 0; i < 5; ++i) {
    call({puppet_.value(), kHour});
    make_last_due();
    run(0);
    ASSERT_EQ(seen().outcome, Errc::timed_out);
  }
  call({puppet_.value(), kHour});
  EXPECT_EQ(seen().refusal, Errc::circuit_open);
  EXPECT_EQ(seen().calls, 5U);
  EXPECT_EQ(timers_used(), 0U);
  run(1);
  EXPECT_EQ(state(puppet_).count, 5U) << "what had been sent takes effect, once";
  call({client_.value(), kHour});
  EXPECT_EQ(seen().calls, 6U) << "others are called as ever";
}

TEST_F(ShardDeadline, AnswerInTimeEndsTheTimer) {
  call({puppet_.value(), kHour});
  EXPECT_EQ(timers_used(), 1U);
  run(1);
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().answered, seen().asked);
  EXPECT_EQ(seen().outcome, Errc{});
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardDeadline, CallThatNobodyAnswersIsToldOnce) {
  call({client_.value(), kHour});
  ASSERT_EQ(take(Priority::normal).size(), 1U);
  make_last_due();
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().outcome, Errc::timed_out);
  EXPECT_EQ(seen().answered, seen().asked);
  EXPECT_EQ(seen().source, client_.value());
  kill_all();
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardDeadline, AnswerThatIsLateIsDroppedAndCounted) {
  call({puppet_.value(), kHour});
  make_last_due();
  run(0);
  const std::uint64_t refused = record(0).refused;
  run(1);
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().outcome, Errc::timed_out);
  EXPECT_EQ(record(0).refused, refused + 1);
}

// Killed after the commit and before anything of it was stored.
TEST_F(ShardDeadline, IsToldOnceWhereItsOwnerDiesOverIt) {
  call({client_.value(), kHour});
  make_last_due();
  const std::vector<std::byte> before{segment_.bytes().begin(), segment_.bytes().end()};
  ASSERT_EQ(turn(0), 1U);
  unapply(before);
  ASSERT_EQ(seen().replies, 0U);
  kill_all();
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardDeadline, AnsweredOnceWhereItsOwnerDiesOverTheAnswer) {
  call({puppet_.value(), kHour});
  run(1);
  const std::vector<std::byte> before{segment_.bytes().begin(), segment_.bytes().end()};
  ASSERT_EQ(turn(0), 1U);
  unapply(before);
  make_last_due();  // which takes over, too
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().outcome, Errc{});
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardDeadline, HandlerThatFailsAtTheAnswerGetsNoOther) {
  call({client_.value(), kHour}, "call fail");
  const std::vector<Letter> asked = take(Priority::normal);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(timers_used(), 1U);
  post(caller_, "fail", {},
       {.kind = Kind::reply,
        .priority = Priority::high,
        .correlation = asked.front().header.correlation});
  run(0);
  EXPECT_EQ(seen().replies, 0U);  // undone
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardDeadline, CallOfAHandlerThatFailsIsForgottenAlone) {
  post(caller_, "call", Asking{client_.value(), kHour});
  post(caller_, "call", Asking{client_.value(), kHour, 0, 1});
  post(caller_, "call", Asking{client_.value(), kHour});
  ASSERT_EQ(turn(0), 3U);
  EXPECT_EQ(seen().calls, 2U);
  EXPECT_EQ(timers_used(), 2U);
  EXPECT_EQ(take(Priority::normal).size(), 2U);
}

// More timers than a redo list has room for beside the rest, in as many turns as it takes.
TEST_F(ShardDeadline, ManyCallsTakeAsManyTurnsAsTheyNeed) {
  for (int i = 0; i < 60; ++i)
    post(caller_, "call", Asking{puppet_.value(), kHour});
  ASSERT_EQ(turn(0), Timers::kMostBefore + 1);
  run(0);
  EXPECT_EQ(timers_used(), 60U);
  run(1);
  run(0);
  EXPECT_EQ(seen().replies, 60U);
  EXPECT_EQ(timers_used(), 0U);
}

// Timers and messages lead by turns: in one round the answer comes first, in the other the timer.
TEST_F(ShardDeadline, AnswerAndTimerInOneTurnAreOne) {
  for (std::uint32_t round = 1; round <= 2; ++round) {
    call({puppet_.value(), 20'000'000});
    run(1);
    const std::int64_t due_ns = shm::monotonic_ns() + 20'000'000;
    while (shm::monotonic_ns() <= due_ns)
      std::this_thread::yield();
    run(0);
    EXPECT_EQ(seen().replies, round);
    EXPECT_EQ(timers_used(), 0U);
  }
}

TEST_F(ShardDeadline, FullTableOfTimersRefusesTheCall) {
  for (std::uint32_t i = 0; i < kTimers; ++i)
    call({puppet_.value(), kHour});
  EXPECT_EQ(seen().calls, kTimers);
  call({puppet_.value(), kHour});
  EXPECT_EQ(seen().refusal, Errc::timers_full);
  call({puppet_.value()});  // which waits for ever
  EXPECT_EQ(seen().calls, kTimers + 1);
}

// ---- cancelling ------------------------------------------------------------------------------

TEST_F(ShardDeadline, CancelledCallIsNotAnswered) {
  call({client_.value(), kHour});
  const std::vector<Letter> asked = take(Priority::normal);
  ASSERT_EQ(asked.size(), 1U);
  call({}, "cancel");
  EXPECT_EQ(seen().refusal, Errc{});
  const std::vector<Letter> told = take(Priority::high);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().kind, Kind::cancel);
  EXPECT_EQ(told.front().header.correlation, asked.front().header.correlation);
  post(caller_, "get", 5,
       {.kind = Kind::reply,
        .priority = Priority::high,
        .correlation = asked.front().header.correlation});
  run(0);
  EXPECT_EQ(seen().replies, 0U);
  call({}, "cancel");
  EXPECT_EQ(seen().refusal, Errc::not_found);
}

TEST_F(ShardDeadline, CancelOvertakesTheRequest) {
  call({puppet_.value(), kHour});
  call({}, "cancel");
  call({puppet_.value(), kHour});  // another, which is wanted
  const std::uint64_t refused = record(1).refused;
  run(1);
  EXPECT_EQ(state(puppet_).count, 1U);
  EXPECT_EQ(record(1).refused, refused + 1);
  run(0);
  EXPECT_EQ(seen().replies, 1U);
}

TEST_F(ShardDeadline, CancelOfACallWithoutDeadlineIsRefused) {
  call({puppet_.value()});
  call({}, "cancel");
  EXPECT_EQ(seen().refusal, Errc::not_found);
}

// ---- overflow --------------------------------------------------------------------------------

TEST_F(ShardDeadline, CallThatOverflowsIsToldOnceWithADeadlineOrWithout) {
  overflow({client_.value()});
  EXPECT_EQ(seen().replies, 0U);
  ASSERT_EQ(burials().size(), 2U);
  EXPECT_EQ(burials()[1].reason, shm::DeadReason::overflow);
  wait_for_replies(1);
  EXPECT_EQ(seen().outcome, Errc::backpressure);
  EXPECT_EQ(seen().answered, seen().asked);
  EXPECT_EQ(seen().source, client_.value());
  call({client_.value(), 1'000'000});
  wait_for_replies(2);
  EXPECT_EQ(seen().outcome, Errc::backpressure);
  EXPECT_EQ(burials().size(), 3U);
  kill_all();
  run(0);
  EXPECT_EQ(seen().replies, 2U);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardDeadline, CallThatOverflowsIsToldAfterAPauseOrAtItsDeadline) {
  for (const std::int64_t deadline_ns : {std::int64_t{0}, kHour}) {
    const std::int64_t before = shm::monotonic_ns();
    overflow({client_.value(), deadline_ns});
    const std::int64_t pause_ns = due_ns() - before;
    EXPECT_GE(pause_ns, 50'000'000) << "a caller that calls again at once is no hot loop";
    EXPECT_LT(pause_ns, 10'000'000'000);
    make_last_due();
    run(0);
    EXPECT_EQ(seen().outcome, Errc::backpressure);
    ASSERT_EQ(take(Priority::normal).size(), 4U);
    run(0);
    (void)take(Priority::normal);
  }
  const std::int64_t before = shm::monotonic_ns();
  overflow({client_.value(), 20'000'000});
  EXPECT_LT(due_ns() - before, 50'000'000 + (shm::monotonic_ns() - before));
}

// It is told ten times a second, so it buries no other dead letters under its own.
TEST_F(ShardDeadline, CallingAgainAfterAnOverflowMakesFewDeadLetters) {
  overflow({client_.value()});
  wait_for_replies(1);
  const std::size_t letters = burials().size();
  const std::int64_t begin_ns = shm::monotonic_ns();
  post(caller_, "call again", Asking{client_.value()});
  for (int turns = 0; turns < 200; ++turns)
    (void)turn(0);
  const std::int64_t pauses = (shm::monotonic_ns() - begin_ns) / 50'000'000;
  EXPECT_LE(burials().size() - letters, 1U + static_cast<std::size_t>(pauses));
  EXPECT_GE(burials().size() - letters, 1U);
}

TEST_F(ShardDeadline, CallThatOverflowsIsToldOnceWhoeverDies) {
  overflow({client_.value()});
  ASSERT_EQ(burials().size(), 2U);
  make_last_due();  // and its owner dies before it was told
  const std::vector<std::byte> before{segment_.bytes().begin(), segment_.bytes().end()};
  ASSERT_EQ(turn(0), 1U);
  unapply(before);  // over it
  ASSERT_EQ(seen().replies, 0U);
  kill_all();
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().outcome, Errc::backpressure);
  EXPECT_EQ(timers_used(), 0U);
}

// Whoever replays its dead letter has it handled, and answered to nobody.
TEST_F(ShardDeadline, AnswerToACallThatHasOverflowedIsDropped) {
  overflow({client_.value()});
  make_last_due();
  run(0);
  const std::uint64_t refused = record(0).refused;
  ASSERT_EQ(burials().size(), 2U);
  EXPECT_EQ(burials()[1].header.correlation, seen().asked);
  post(caller_, "get", 3,
       {.kind = shm::Kind::reply, .priority = Priority::high, .correlation = seen().asked});
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(record(0).refused, refused + 1);
}

TEST_F(ShardDeadline, FullTableOfTimersRefusesTheCallThatOverflows) {
  overflow({client_.value()});
  wait_for_replies(1);
  for (std::uint32_t i = 0; i < kTimers; ++i)
    call({puppet_.value(), kHour});
  call({client_.value()});
  EXPECT_EQ(seen().calls, kTimers + 1);
  EXPECT_EQ(seen().refusal, Errc::timers_full);
  EXPECT_EQ(burials().size(), 2U);
}

// What waits for an answer, perhaps for ever, holds no timer.
TEST_F(ShardDeadline, CallThatDoesNotOverflowAfterAllWaitsForItsAnswer) {
  overflow({client_.value()});
  wait_for_replies(1);
  Asker::before_call = [this] { EXPECT_EQ(take(Priority::normal).size(), 4U); };
  call({client_.value()});
  Asker::before_call = {};
  EXPECT_EQ(seen().calls, 2U);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(timers_used(), 0U);
  const std::vector<Letter> asked = take(Priority::normal);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked.front().header.correlation, seen().asked);
  post(caller_, "get", 3,
       {.kind = shm::Kind::reply, .priority = Priority::high, .correlation = seen().asked});
  run(0);
  EXPECT_EQ(seen().replies, 2U);
  EXPECT_EQ(seen().value, 3);
}

TEST(Cancelled, IsTakenOnceAndForgottenAtItsDeadline) {
  Cancelled cancelled;
  cancelled.note({1, 10, 100}, 0);
  cancelled.note({1, 11, 200}, 0);
  EXPECT_FALSE(cancelled.take(2, 10));
  EXPECT_TRUE(cancelled.take(1, 10));
  EXPECT_FALSE(cancelled.take(1, 10));
  cancelled.forget_expired(200);
  EXPECT_FALSE(cancelled.has_any());
}

TEST(Cancelled, FullOneForgetsTheOldest) {
  Cancelled cancelled;
  for (std::uint64_t i = 0; i <= Cancelled::kMost; ++i)
    cancelled.note({1, i, 100}, 0);
  EXPECT_FALSE(cancelled.take(1, 0));
  for (std::uint64_t i = 1; i <= Cancelled::kMost; ++i)
    EXPECT_TRUE(cancelled.take(1, i)) << i;
}

}  // namespace
}  // namespace mabeam::worker

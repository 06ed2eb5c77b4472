// Coroutines: they are answered, and answer, once; and whatever ends one, its caller is told.
#include "tests/worker/tasks_support.hpp"

namespace mabeam::worker {
namespace {

using shm::Kind;

/// The example of docs/requests.md.
struct Example {
  static constexpr AgentType type{.name = "example"};

  struct State {
    std::int64_t asked = 0;
  };

  // clang-format off
  mabeam::Task<std::int64_t> on_action(mabeam::TaskContext& ctx, State& state, const mabeam::Action& action) const {
    const auto shop = action.payload().as<std::uint64_t>();
    if (!shop) co_return mabeam::fail(shop.error());
    const auto price = co_await ctx.call(mabeam::AgentId{*shop}, "get");
    if (!price) co_return mabeam::fail(price.error());
    ++state.asked;  // the agent's state of now: it has handled other messages meanwhile
    co_return price->payload().as_or<std::int64_t>(0);
  }

  // clang-format on
};

using Codes = std::vector<Errc>;

TEST_F(ShardTasks, AnswersWithWhatItWasAnswered) {
  post(puppet_, "note", mabeam::worker::Task{.value = 7});
  begin();
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(Local::alive, 1);
  go_on();
  const std::vector<Letter> got = letters();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].code, Errc{});
  EXPECT_EQ(got[0].value(), 7);
  EXPECT_EQ(AgentId{got[0].header.source}, broker_);
  EXPECT_EQ(Local::alive, 0);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTasks, ExampleOfTheDocsWorks) {
  for (const std::uint32_t index : {0U, 1U})
    adopt(index, ++incarnation_, mabeam::kTypes<Puppet, Example>).value();
  const AgentId agent = create({.type = "example"}).value();
  post(agent, "price", puppet_.value(), {.kind = Kind::request, .correlation = 1});
  run(0);
  go_on();
  EXPECT_EQ(answers(), Codes(1));
  EXPECT_EQ(state<Example::State>(agent).asked, 1);
}

TEST_F(ShardTasks, StateIsThatOfTheAgentWheneverItRuns) {
  begin();
  EXPECT_EQ(seen().begun, 1U);
  post(broker_, "add", 5);
  run(0);
  EXPECT_EQ(seen().signals, 5);
  go_on();
  EXPECT_EQ(seen().signals_seen, 5);
  EXPECT_EQ(seen().signals, 5);
  EXPECT_EQ(seen().resumed, 1U);
}

TEST_F(ShardTasks, WaitsTwice) {
  begin("twice");
  go_on();
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(timers_used(), 1U);
  go_on();
  const std::vector<Letter> got = letters();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].value(), 1000);
  EXPECT_EQ(seen().resumed, 2U);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTasks, ManyWaitAtOnce) {
  for (int i = 0; i < 40; ++i)
    begin();
  EXPECT_EQ(Local::alive, 40);
  go_on();
  EXPECT_EQ(answers(), Codes(40));
  EXPECT_EQ(seen().resumed, 40U);
  EXPECT_EQ(Local::alive, 0);
}

TEST_F(ShardTasks, MoreThanItMayHaveAreRefused) {
  for (int i = 0; i < 97; ++i)
    begin("ask", {client_.value()});
  EXPECT_EQ(answers(), Codes{Errc::timers_full});
  EXPECT_EQ(Local::alive, 96);
  post(broker_, "order", {}, {.kind = Kind::stop, .correlation = 1});
  run(0);
  Codes told(96, Errc::interrupted);
  told.push_back(Errc{});
  EXPECT_EQ(answers(), told);
  EXPECT_EQ(Local::alive, 0);
}

TEST_F(ShardTasks, DeadlineEndsTheWait) {
  begin("ask", {client_.value(), 1});
  EXPECT_EQ(answers(), Codes{Errc::timed_out});
  EXPECT_EQ(Local::alive, 0);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTasks, CallsHaveTheDeadlineOfTheRequest) {
  const std::int64_t deadline = shm::monotonic_ns() + kHour;
  post(broker_, "twice", Asking{client_.value()},
       {.kind = Kind::request, .deadline_ns = deadline, .correlation = 9});
  run(0);
  const std::vector<Letter> asked = take(Priority::normal);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].header.deadline_ns, deadline);
  post(broker_, "get", 3,
       {.kind = Kind::reply,
        .priority = Priority::high,
        .correlation = asked[0].header.correlation});
  run(0);
  const std::vector<Letter> again = take(Priority::normal);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].header.deadline_ns, deadline);
}

TEST_F(ShardTasks, RefusalIsItsAnswer) {
  ASSERT_EQ(stop(puppet_), Errc{});
  begin();
  go_on();
  EXPECT_EQ(answers(), Codes{Errc::not_found});
}

TEST_F(ShardTasks, CallThatCannotBeMadeDoesNotWait) {
  const AgentId nowhere{static_cast<EndpointId>(200), 1, 1};
  begin("ask", {nowhere.value()});
  EXPECT_EQ(answers(), Codes{Errc::not_found});
  EXPECT_EQ(Local::alive, 0);
}

TEST_F(ShardTasks, ErrorAndExceptionUndoWhatCameAfterTheWait) {
  for (const auto& [name, code] :
       {std::pair{"fail", Errc::no_room}, std::pair{"throw", Errc::handler_failed}}) {
    begin(name);
    go_on();
    EXPECT_EQ(answers(), Codes{code});
  }
  EXPECT_EQ(seen().begun, 2U);
  EXPECT_EQ(seen().resumed, 0U);
  EXPECT_EQ(Local::alive, 0);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTasks, FailureThatStopsTheAgentTellsEveryCallerOnce) {
  begin("ask", {client_.value()}, frail_);
  begin("fail", {}, frail_);
  go_on();
  EXPECT_EQ(answers(), (Codes{Errc::interrupted, Errc::no_room}));
  EXPECT_FALSE(segment_.is_alive(frail_));
  EXPECT_EQ(Local::alive, 0);
}

TEST_F(ShardTasks, SignalBeginsOneThatAnswersNobody) {
  const AgentId scribe = create({.type = "scribe"}).value();
  post(scribe, "hint", puppet_.value());
  run(0);
  go_on();
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(take(Priority::normal).size(), 0U);
  EXPECT_EQ(timers_used(), 0U);
  post(scribe, "read", puppet_.value(), {.kind = Kind::request, .correlation = 3});
  run(0);
  go_on();
  EXPECT_EQ(answers(), Codes(1));
  const shm::AgentTable table = segment_.agents(0);
  const std::byte* half = table.half(scribe.slot(), table.record(scribe.slot()).version.load());
  const std::string text{reinterpret_cast<const char*>(half + sizeof(shm::StateHeader)),
                         reinterpret_cast<const shm::StateHeader*>(half)->bytes};
  EXPECT_EQ(text, "asked by hint, answeredasked by read, answered");
}

TEST_F(ShardTasks, SuspendedAgentGoesOnWhenItIsResumed) {
  begin();
  post(broker_, "order", {}, {.kind = Kind::suspend, .correlation = 1});
  run(0);
  EXPECT_EQ(answers(), Codes(1));
  go_on();
  EXPECT_TRUE(answers().empty());
  post(broker_, "order", {}, {.kind = Kind::resume, .correlation = 2});
  run(0);
  EXPECT_EQ(answers(), Codes(2));
  EXPECT_EQ(seen().resumed, 1U);
}

// ---- what ends one ---------------------------------------------------------------------------

TEST_F(ShardTasks, OwnerDiesWhileItWaits) {
  begin();
  kill_all();
  run(0);
  EXPECT_EQ(answers(), Codes{Errc::interrupted});
  EXPECT_EQ(timers_used(), 0U);
  const std::uint64_t refused = record(0).refused;
  go_on();  // the answer finds nobody
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(record(0).refused, refused + 1);
  EXPECT_EQ(seen().resumed, 0U);
  begin();
  go_on();
  EXPECT_EQ(answers(), Codes(1));
}

TEST_F(ShardTasks, OwnerDiesWhenItIsAnswered) {
  begin();
  run(1);
  kill_all();
  run(0);
  EXPECT_EQ(answers(), Codes{Errc::interrupted});
  EXPECT_EQ(timers_used(), 0U);
}

// Killed after the commit and before anything of it was stored.
TEST_F(ShardTasks, OwnerDiesOverTheTurnThatEndsIt) {
  begin();
  run(1);
  const std::vector<std::byte> before{segment_.bytes().begin(), segment_.bytes().end()};
  ASSERT_EQ(turn(0), 1U);
  unapply(before);
  kill_all();
  run(0);
  EXPECT_EQ(answers(), Codes(1));
  EXPECT_EQ(seen().resumed, 1U);
}

TEST_F(ShardTasks, OwnerDiesWhileItsAgentIsSuspended) {
  begin();
  post(broker_, "order", {}, {.kind = Kind::suspend, .correlation = 1});
  run(0);
  EXPECT_EQ(answers(), Codes(1));
  kill_all();
  run(0);
  EXPECT_EQ(answers(), Codes{Errc::interrupted});
}

TEST_F(ShardTasks, AgentIsStopped) {
  begin();
  begin();
  post(broker_, "order", {}, {.kind = Kind::stop, .correlation = 1});
  run(0);
  EXPECT_EQ(answers(), (Codes{Errc::interrupted, Errc::interrupted, Errc{}}));
  EXPECT_EQ(Local::alive, 0);
  EXPECT_EQ(timers_used(), 0U);
  go_on();
  EXPECT_TRUE(answers().empty());
}

TEST_F(ShardTasks, AgentIsStoppedInTheTurnThatBeganIt) {
  post(broker_, "ask", Asking{puppet_.value()}, {.kind = Kind::request, .correlation = 1});
  post(broker_, "order", {}, {.kind = Kind::stop, .correlation = 2});
  ASSERT_EQ(turn(0), 2U);
  EXPECT_EQ(answers(), (Codes{Errc::interrupted, Errc{}}));
  EXPECT_EQ(Local::alive, 0);
}

TEST_F(ShardTasks, AgentIsStoppedByTheNextOwner) {
  begin();
  kill_all();
  post(broker_, "order", {}, {.kind = Kind::stop, .priority = Priority::high, .correlation = 1});
  run(0);
  Codes codes = answers();
  std::sort(codes.begin(), codes.end());
  EXPECT_EQ(codes, (Codes{Errc{}, Errc::interrupted}));
}

TEST_F(ShardTasks, AgentIsRestarted) {
  begin();
  post(broker_, "order", {}, {.kind = Kind::restart, .correlation = 1});
  run(0);
  EXPECT_EQ(answers(), (Codes{Errc::interrupted, Errc{}}));
  EXPECT_EQ(Local::alive, 0);
  EXPECT_EQ(timers_used(), 0U);
}

TEST_F(ShardTasks, ShardMovesToAnotherWorker) {
  begin();
  shard(0).let_go();
  EXPECT_EQ(Local::alive, 0);
  kill_all();
  run(0);
  EXPECT_EQ(answers(), Codes{Errc::interrupted});
}

// ---- full rings ------------------------------------------------------------------------------

TEST_F(ShardTasks, FullRingBeforeTheFirstWaitHasItTriedAgain) {
  for (int i = 0; i < 4; ++i)
    begin("flood first");
  EXPECT_EQ(seen().begun, 4U);
  begin("flood first");
  EXPECT_EQ(seen().begun, 4U);
  EXPECT_EQ(Local::alive, 4);
  ASSERT_EQ(take(Priority::normal, kSecondClient).size(), 4U);
  run(0);
  EXPECT_EQ(seen().begun, 5U);
  go_on();
  EXPECT_EQ(answers(), Codes(5));
}

TEST_F(ShardTasks, FullRingAfterAWaitEndsItAndItsCallerIsTold) {
  for (int i = 0; i < 5; ++i)
    begin("flood");
  go_on();
  EXPECT_EQ(answers(), (Codes{Errc{}, Errc{}, Errc{}, Errc{}, Errc::backpressure}));
  EXPECT_EQ(seen().resumed, 4U);
  EXPECT_EQ(record(0).refused, 1U);
  EXPECT_EQ(Local::alive, 0);
  EXPECT_EQ(timers_used(), 0U);
  EXPECT_EQ(take(Priority::normal, kSecondClient).size(), 4U);
}

TEST_F(ShardTasks, CallThatOverflowsEndsTheWait) {
  for (int i = 0; i < 5; ++i)
    begin("flood first");
  limits_.stall_timeout_ns = 0;
  run(0);
  run(0);
  ASSERT_EQ(burials().size(), 1U) << "the ring is congested";
  begin("ask", {client_id(kSecondClient).value()});
  EXPECT_TRUE(answers().empty()) << "one that tries again at once would be a hot loop";
  EXPECT_EQ(burials().size(), 2U);
  const std::int64_t deadline = shm::monotonic_ns() + 10'000'000'000;
  Codes codes;
  for (; codes.empty() && shm::monotonic_ns() < deadline; codes = answers())
    run(0);
  EXPECT_EQ(codes, Codes{Errc::backpressure});
  EXPECT_EQ(timers_used(), 5U) << "of those that wait for the puppet";
}

}  // namespace
}  // namespace mabeam::worker

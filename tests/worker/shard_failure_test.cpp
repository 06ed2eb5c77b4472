// What becomes of an agent whose handler fails, and who hears of it.
#include "shm/spsc_ring.hpp"
#include "tests/worker/life_support.hpp"

#include <limits>

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;
using Ids = std::vector<AgentId>;

/// Has no actions, and says so itself.
struct Strict {
  static constexpr AgentType type{.name = "strict", .on_failure = OnFailure::stop};

  Result<> on_action(Context& /*context*/, const Action& /*action*/) const {
    return fail(Errc::unknown_action);
  }
};

class ShardFailure : public LifeTest {
 protected:
  AgentId parent_ = create({.type = "breeder"}).value();

  void fail_once(AgentId agent, std::string_view how = "fail") {
    post(agent, how, Task{.value = 5});
    run();
  }

  [[nodiscard]] Errc answer_of(AgentId agent, std::string_view action) {
    const std::vector<Letter> replies = ask(agent, action, Task{.value = 5});
    return replies.size() == 1 ? replies.front().code : Errc::timed_out;
  }
};

TEST_F(ShardFailure, IsCountedAndItsEffectsAreNot) {
  const AgentId agent = breed(parent_, "steady").front();
  post(agent, "add", Task{.value = 1});
  fail_once(agent);
  fail_once(agent, "throw");
  EXPECT_EQ(state(agent).all(), (Values{100, 1}));
  EXPECT_EQ(header(agent).failures, 2U);
  EXPECT_EQ(header(agent).handled, 3U) << "failures are of those";
  EXPECT_TRUE(take(Priority::normal).empty());
  EXPECT_TRUE(segment_.is_alive(agent));
}

// All of them in one turn: the third message finds the pre-image of the second.
TEST_F(ShardFailure, CountSurvivesTheUndoOfTheNextMessage) {
  const AgentId agent = breed(parent_, "steady").front();
  for (const std::string_view what : {"add", "fail", "fail", "add", "fail"})
    post(agent, what, Task{.value = 1});
  ASSERT_EQ(turn(), 5U);
  EXPECT_EQ(header(agent).failures, 3U);
  EXPECT_EQ(header(agent).handled, 5U);
  EXPECT_EQ(state(agent).all(), (Values{100, 1, 1}));
}

TEST_F(ShardFailure, OfAnEventIsCounted) {
  const AgentId agent = create({.type = "steady", .subscribe = {"job.*"}}).value();
  emit("job.fail", 1);
  emit("job.a", 2);
  run();
  EXPECT_EQ(header(agent).failures, 1U);
  EXPECT_EQ(state(agent).all(), (Values{100, 2}));
}

TEST_F(ShardFailure, UnknownActionIsNone) {
  ASSERT_TRUE(adopt(1, 3, kTypes<Strict>));
  const AgentId agent = create({.type = "strict", .shard = 1}).value();
  EXPECT_EQ(answer_of(agent, "dance"), Errc::unknown_action);
  EXPECT_TRUE(segment_.is_alive(agent));
  EXPECT_EQ(header(agent).failures, 0U);
}

// The ring to the client has no room for the fifth: that message waits, and has not failed.
TEST_F(ShardFailure, MessageThatWaitsForRoomIsNone) {
  const AgentId agent = breed(parent_, "mayfly").front();
  for (int i = 0; i < 5; ++i)
    post(agent, "send", Task{.value = 1, .bytes = kQuarterRing});
  run();
  ASSERT_TRUE(shard().is_waiting());
  EXPECT_TRUE(segment_.is_alive(agent));
  EXPECT_EQ(header(agent).failures, 0U);
}

TEST_F(ShardFailure, StopsAfterItsLastWord) {
  const AgentId agent = breed(parent_, "mayfly").front();
  EXPECT_EQ(answer_of(agent, "throw"), Errc::handler_failed) << "the caller gets the error";
  EXPECT_FALSE(segment_.is_alive(agent));
  EXPECT_EQ(said("bye"), (Ids{agent}));
  EXPECT_EQ(record().agents_stopped, 1U);
}

TEST_F(ShardFailure, IsToldToTheParent) {
  const AgentId agent = breed(parent_, "mayfly").front();
  fail_once(agent);
  EXPECT_EQ(state(parent_).all(), (Values{static_cast<std::int64_t>(agent.value())}));
}

TEST_F(ShardFailure, OfAnOrphanIsToldToNobody) {
  const AgentId agent = breed(parent_, "mayfly").front();
  ASSERT_EQ(stop(parent_), Errc{});
  const AgentId heir = create({.type = "breeder"}).value();
  ASSERT_EQ(heir.slot(), parent_.slot());
  fail_once(agent);
  EXPECT_FALSE(segment_.is_alive(agent));
  EXPECT_EQ(state(heir).count, 0U) << "another agent in the parent's slot";
}

TEST_F(ShardFailure, OfAnEventStopsItsSubscriber) {
  const AgentId agent = create({.type = "mayfly", .subscribe = {"job.*"}}).value();
  emit("job.fail", 1);
  emit("job.a", 2);
  run();
  EXPECT_FALSE(segment_.is_alive(agent));
  EXPECT_EQ(subscriptions_used(), 0U);
}

TEST_F(ShardFailure, FullRingToTheParentHoldsAllOfItBack) {
  const AgentId far = create({.type = "breeder", .shard = 1}).value();
  const AgentId agent = breed(parent_, "mayfly").front();
  segment_.agents(0).profile(agent.slot()).parent = far.value();
  auto ring = shm::RingProducer::open(segment_.ring(1, 2, Priority::normal)).value();
  while (ring.claim(64, static_cast<std::uint16_t>(shm::Kind::signal))) {
  }
  ring.publish();
  adopt_anew();
  fail_once(agent);
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_TRUE(segment_.is_alive(agent));
  EXPECT_EQ(header(agent).failures, 0U);
  EXPECT_TRUE(said("bye").empty());
  run(1);
  run();
  EXPECT_FALSE(segment_.is_alive(agent));
  run(1);
  EXPECT_EQ(state(far).all(), (Values{static_cast<std::int64_t>(agent.value())}));
}

TEST_F(ShardFailure, DeathAfterTheCommitLosesNothing) {
  const AgentId agent = breed(parent_, "mayfly").front();
  limits_.turn_messages = 1;
  post(agent, "fail", Task{.value = 5});
  commit_and_die();
  EXPECT_TRUE(segment_.is_alive(agent));
  adopt_anew();
  EXPECT_FALSE(segment_.is_alive(agent));
  run();
  EXPECT_EQ(state(parent_).all(), (Values{static_cast<std::int64_t>(agent.value())}));
  EXPECT_EQ(said("bye"), (Ids{agent}));
}

TEST_F(ShardFailure, StopsWithoutItsLastWordIfThatEndsInNoTurn) {
  const AgentId agent = breed(parent_, "martyr").front();
  Moody::refuses_to_start = true;
  fail_once(agent);
  EXPECT_FALSE(segment_.is_alive(agent));
  EXPECT_EQ(record().agents_live, 1U) << "the parent";
  EXPECT_EQ(state(parent_).all(), (Values{static_cast<std::int64_t>(agent.value())}));
}

// ---- restarts --------------------------------------------------------------------------------

TEST_F(ShardFailure, RestartsWithAFreshState) {
  const AgentId agent = breed(parent_, "phoenix").front();
  post(agent, "add", Task{.value = 1});
  fail_once(agent);
  EXPECT_TRUE(segment_.is_alive(agent)) << "it is the same agent";
  EXPECT_EQ(state(agent).all(), (Values{100}));
  EXPECT_EQ(header(agent).restarts, 1U);
  EXPECT_EQ(header(agent).failures, 1U);
  EXPECT_EQ(said("up"), (Ids{agent}));
  fail_once(agent);
  EXPECT_EQ(header(agent).failures, 2U) << "a fresh state forgets no failure";
}

TEST_F(ShardFailure, FourthRestartInTenSecondsIsAStop) {
  const AgentId agent = breed(parent_, "phoenix").front();
  for (int i = 0; i < 3; ++i)
    fail_once(agent);
  ASSERT_TRUE(segment_.is_alive(agent));
  EXPECT_EQ(header(agent).restarts, 3U);
  fail_once(agent);
  EXPECT_FALSE(segment_.is_alive(agent));
  EXPECT_EQ(state(parent_).all(), (Values{static_cast<std::int64_t>(agent.value())}));
}

TEST_F(ShardFailure, RestartsAreForgottenAfterTenSeconds) {
  const AgentId agent = breed(parent_, "phoenix").front();
  for (int i = 0; i < 3; ++i)
    fail_once(agent);
  const shm::AgentTable table = segment_.agents(0);
  auto* current = reinterpret_cast<shm::StateHeader*>(
      table.half(agent.slot(), table.record(agent.slot()).version.load()));
  current->since_ns -= 9'000'000'000;
  current->since_ns -= 1'000'000'001;
  fail_once(agent);
  ASSERT_TRUE(segment_.is_alive(agent));
  EXPECT_EQ(header(agent).restarts, 1U) << "a new period";
}

TEST_F(ShardFailure, RestartsOfTheLastNineSecondsCount) {
  const AgentId agent = breed(parent_, "phoenix").front();
  for (int i = 0; i < 3; ++i)
    fail_once(agent);
  const shm::AgentTable table = segment_.agents(0);
  auto* current = reinterpret_cast<shm::StateHeader*>(
      table.half(agent.slot(), table.record(agent.slot()).version.load()));
  current->since_ns -= 5'000'000'000;
  fail_once(agent);
  EXPECT_FALSE(segment_.is_alive(agent));
}

// A damaged header makes any time possible.
TEST_F(ShardFailure, PeriodThatBeginsInTheFutureBeginsAnew) {
  const AgentId agent = breed(parent_, "phoenix").front();
  const shm::AgentTable table = segment_.agents(0);
  auto* current = reinterpret_cast<shm::StateHeader*>(
      table.half(agent.slot(), table.record(agent.slot()).version.load()));
  current->since_ns = std::numeric_limits<std::int64_t>::max();
  current->restarts = 3;
  fail_once(agent);
  EXPECT_TRUE(segment_.is_alive(agent));
  EXPECT_EQ(header(agent).restarts, 1U);
}

TEST_F(ShardFailure, StartThatThrowsIsAStop) {
  const AgentId agent = breed(parent_, "phoenix").front();
  Moody::refuses_to_start = true;
  EXPECT_EQ(answer_of(agent, "fail"), Errc::schema_mismatch)
      << "the handler's error, not the start's";
  EXPECT_FALSE(segment_.is_alive(agent));
  const std::vector<Letter> letters = take(Priority::normal);
  ASSERT_EQ(letters.size(), 1U) << "what on_start said is undone";
  EXPECT_EQ(letters.front().name, "bye");
  EXPECT_EQ(state(parent_).all(), (Values{static_cast<std::int64_t>(agent.value())}));
}

TEST_F(ShardFailure, RestartsSurviveTheOwner) {
  const AgentId agent = breed(parent_, "phoenix").front();
  for (int i = 0; i < 3; ++i) {
    fail_once(agent);
    adopt_anew();
  }
  limits_.turn_messages = 1;
  post(agent, "fail", Task{.value = 5});
  commit_and_die();
  adopt_anew();
  EXPECT_FALSE(segment_.is_alive(agent));
}

}  // namespace
}  // namespace mabeam::worker

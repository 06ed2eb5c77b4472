// Starting an agent anew because somebody asks for it.
#include "tests/worker/life_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

class ShardRestart : public LifeTest {
 protected:
  Errc restart(AgentId id, PayloadRef payload) {
    post(id, "restart", payload, {.kind = shm::Kind::restart});
    run();
    const std::vector<Letter> replies = take(Priority::high);
    return replies.size() == 1 ? replies.front().code : Errc::timed_out;
  }

  std::vector<std::string> words() {
    std::vector<std::string> words;
    for (const Letter& letter : take(Priority::normal))
      words.push_back(letter.name);
    return words;
  }

  static constexpr shm::RestartRequest kReset{.keep_state = 0};
  static constexpr shm::RestartRequest kKeep{.keep_state = 1};

  AgentId agent_ = create({.type = "steady", .subscribe = {"job.*"}}).value();
};

TEST_F(ShardRestart, StopsThenStartsWithAFreshState) {
  post(agent_, "add", Task{.value = 1});
  run();
  words();
  EXPECT_EQ(restart(agent_, kReset), Errc{});
  EXPECT_EQ(words(), (std::vector<std::string>{"bye", "up"}));
  EXPECT_EQ(state(agent_).all(), (Values{100}));
  EXPECT_TRUE(segment_.is_alive(agent_)) << "its id stays";
  EXPECT_EQ(header(agent_).restarts, 0U) << "only failures are held against it";
}

TEST_F(ShardRestart, WithoutAPayloadTheStateIsFresh) {
  EXPECT_EQ(restart(agent_, {}), Errc{});
  EXPECT_EQ(state(agent_).all(), (Values{100}));
}

TEST_F(ShardRestart, KeepsTheStateIfAsked) {
  post(agent_, "add", Task{.value = 1});
  EXPECT_EQ(restart(agent_, kKeep), Errc{});
  EXPECT_EQ(state(agent_).all(), (Values{100, 1, -1, 100})) << "with what on_stop made of it";
}

TEST_F(ShardRestart, SubscriptionsStay) {
  EXPECT_EQ(restart(agent_, kReset), Errc{});
  emit("job.a", 7);
  run();
  EXPECT_EQ(state(agent_).all(), (Values{100, 7}));
}

TEST_F(ShardRestart, StartThatThrowsLeavesItAsItWas) {
  post(agent_, "add", Task{.value = 1});
  run();
  words();
  Moody::refuses_to_start = true;
  EXPECT_EQ(restart(agent_, kReset), Errc::handler_failed);
  EXPECT_TRUE(words().empty());
  EXPECT_EQ(state(agent_).all(), (Values{100, 1}));
}

TEST_F(ShardRestart, OfADeadAgentIsNotFound) {
  ASSERT_EQ(stop(agent_), Errc{});
  EXPECT_EQ(restart(agent_, kReset), Errc::not_found);
}

TEST_F(ShardRestart, RequestThatIsNoneIsRefused) {
  EXPECT_EQ(restart(agent_, 2), Errc::invalid_argument) << "neither 0 nor 1";
  EXPECT_EQ(restart(agent_, "now"), Errc::invalid_argument);
}

TEST_F(ShardRestart, OldStateIsMadeAfreshAndNotKept) {
  const AgentId puppet = create().value();
  ASSERT_TRUE(adopt(0, ++incarnation_, kTypes<NextPuppet>));
  EXPECT_EQ(restart(puppet, kKeep), Errc::incompatible);
  EXPECT_EQ(restart(puppet, kReset), Errc{});
  EXPECT_EQ(header(puppet).state_version, 2U);
  post(puppet, "add", Task{.value = 1});
  run();
  EXPECT_EQ(state(puppet).all(), (Values{1}));
}

TEST_F(ShardRestart, DeathAfterTheCommitLosesNothing) {
  post(agent_, "add", Task{.value = 1});
  run();
  words();
  post(agent_, "restart", {}, {.kind = shm::Kind::restart});
  commit_and_die();
  adopt_anew();
  run();
  EXPECT_EQ(take(Priority::high).size(), 1U);
  EXPECT_EQ(words(), (std::vector<std::string>{"bye", "up"}));
  EXPECT_EQ(state(agent_).all(), (Values{100}));
}

}  // namespace
}  // namespace mabeam::worker

// Dead letters settled: replayed or dropped, once, in the turn that says so.
#include "shm/event_log.hpp"
#include "shm/letters.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using shm::DeadReason;
using shm::Kind;
using Waiting = std::vector<shm::Letter>;
using Values = std::vector<std::int64_t>;

class ShardDeadLetters : public ShardTest {
 protected:
  [[nodiscard]] Waiting waiting(std::uint32_t shard = 0) const {
    return shm::read_letters(segment_.dead_letters(shard)).waiting;
  }

  void post_order(Kind kind, std::uint64_t number, std::uint32_t shard = 0) {
    const auto endpoint = static_cast<EndpointId>(shm::Segment::endpoint_of_shard(shard));
    post({endpoint, 0, 0}, "order", number, {.kind = kind, .correlation = 9});
  }

  /// The one answer to an order.
  Letter order(Kind kind, std::uint64_t number, std::uint32_t shard = 0) {
    post_order(kind, number, shard);
    run(shard);
    std::vector<Letter> replies = take(Priority::high);
    EXPECT_EQ(replies.size(), 1U);
    return replies.empty() ? Letter{} : replies.front();
  }

  Errc replay(std::uint64_t number, std::uint32_t shard = 0) {
    return order(Kind::replay, number, shard).code;
  }

  Errc drop(std::uint64_t number) { return order(Kind::drop, number).code; }

  /// A letter of a message that came too late.
  void expire(std::string_view name, const Task& task, const Post& how = {}) {
    Post late = how;
    late.deadline_ns = 1;
    post(agent_, name, task, late);
    run();
    (void)take(Priority::high, late.client);
  }

  /// Fills the first client's ring with values from 1 to 4; a letter of the fifth.
  void overflow() {
    for (int i = 1; i <= 5; ++i)
      post(agent_, "send", Task{.value = i, .bytes = kQuarterRing});
    run();
    limits_.stall_timeout_ns = 0;
    run();
    run();
  }

  void expire(std::string_view name, std::int64_t value, const Post& how = {}) {
    expire(name, Task{.value = value}, how);
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardDeadLetters, ReplayedSignalIsHandledOnce) {
  expire("add", 5);
  ASSERT_EQ(waiting().size(), 1U);
  EXPECT_EQ(waiting().front().kind, Kind::signal);
  EXPECT_EQ(replay(0), Errc{});
  EXPECT_EQ(state(agent_).all(), (Values{5}));
  EXPECT_TRUE(waiting().empty());
  EXPECT_EQ(record().letters_replayed, 1U);
  EXPECT_EQ(replay(0), Errc::not_found);
  EXPECT_EQ(drop(0), Errc::not_found);
  EXPECT_EQ(state(agent_).all(), (Values{5}));
  EXPECT_EQ(record().letters_replayed, 1U);
}

TEST_F(ShardDeadLetters, TwoOrdersForOneLetterReplayItOnce) {
  expire("add", 5);
  post_order(Kind::replay, 0);
  post_order(Kind::replay, 0);
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].code, Errc{});
  EXPECT_EQ(replies[1].code, Errc::not_found);
  EXPECT_EQ(state(agent_).all(), (Values{5}));
}

TEST_F(ShardDeadLetters, DroppedLetterIsGone) {
  expire("add", 1);
  expire("add", 2);
  EXPECT_EQ(drop(0), Errc{});
  ASSERT_EQ(waiting().size(), 1U);
  EXPECT_EQ(waiting().front().number, 1U);
  EXPECT_EQ(record().letters_dropped, 1U);
  EXPECT_EQ(replay(0), Errc::not_found);
  EXPECT_EQ(state(agent_).count, 0U);
}

struct Correspondent {
  static constexpr AgentType type{.name = "asker"};

  struct State {
    std::uint64_t source = 0;
  };

  Result<> on_signal(Context&, State& state, const Signal& signal) const {
    state.source = signal.source().value();
    return {};
  }
};

TEST_F(ShardDeadLetters, ReplayedSignalBearsItsFirstSendersName) {
  ASSERT_TRUE(adopt(0, 2, kTypes<Correspondent>));
  agent_ = create({.type = "asker"}).value();
  expire("who", 1, {.client = kSecondClient});
  EXPECT_EQ(replay(0), Errc{});
  EXPECT_EQ(state<Correspondent::State>(agent_).source, client_id(kSecondClient).value());
}

TEST_F(ShardDeadLetters, RequestIsAnsweredToWhoReplaysIt) {
  expire("get", 7, {.kind = Kind::request, .client = kSecondClient, .correlation = 3});
  const Letter answer = order(Kind::replay, 0);
  EXPECT_EQ(answer.kind, Kind::reply);
  EXPECT_EQ(answer.code, Errc{});
  EXPECT_EQ(answer.header.correlation, 9U);
  EXPECT_EQ(answer.value(), 7);
  EXPECT_TRUE(take(Priority::high, kSecondClient).empty()) << "it has been told already";
}

TEST_F(ShardDeadLetters, WhatItsHandlerRefusesWaitsOn) {
  expire("fail", 5);
  EXPECT_EQ(replay(0), Errc::schema_mismatch);
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_TRUE(take(Priority::normal).empty()) << "what it sent is undone";
  EXPECT_EQ(waiting().size(), 1U);
  EXPECT_EQ(record().letters_replayed, 0U);
  EXPECT_EQ(replay(0), Errc::schema_mismatch) << "it may be tried again";
  const shm::AgentTable table = segment_.agents(0);
  shm::StateHeader header;
  std::memcpy(&header, table.half(agent_.slot(), table.record(agent_.slot()).version.load()),
              sizeof header);
  EXPECT_EQ(header.failures, 2U) << "a replay that fails is its agent's failure";
  EXPECT_EQ(drop(0), Errc{});
}

TEST_F(ShardDeadLetters, LetterToAnAgentThatIsGoneWaitsOn) {
  expire("add", 5);
  ASSERT_EQ(stop(agent_), Errc{});
  EXPECT_EQ(replay(0), Errc::closed);
  EXPECT_EQ(waiting().size(), 1U);
}

TEST_F(ShardDeadLetters, ReplayThatWaitsForRoomHasNotHappened) {
  expire("send", Task{.value = 5, .bytes = kQuarterRing});
  for (int i = 0; i < 4; ++i)
    post(agent_, "send", Task{.value = i, .bytes = kQuarterRing});
  run();
  post_order(Kind::replay, 0);
  run();
  EXPECT_EQ(waiting().size(), 1U);
  // Its owner dies; the next one does it, once.
  ASSERT_TRUE(adopt(0, 2));
  EXPECT_EQ(waiting().size(), 1U);
  EXPECT_EQ(take(Priority::normal).size(), 4U);
  run();
  EXPECT_TRUE(waiting().empty());
  EXPECT_EQ(take(Priority::normal).size(), 1U);
  EXPECT_EQ(state(agent_).sum, 5 + 0 + 1 + 2 + 3);
  ASSERT_TRUE(adopt(0, 3));
  run();
  EXPECT_EQ(record().letters_replayed, 1U);
  EXPECT_EQ(state(agent_).count, 5U);
}

// The order is what kills, so it is what is given up; the letter waits on.
TEST_F(ShardDeadLetters, ReplayThatKillsEveryOwnerIsRefused) {
  expire("add", 5);
  const auto ring = shm::RingConsumer::open(segment_.ring(kFirstClient, 1, Priority::normal));
  const std::uint64_t witness =
      shm::Witness::pack(shm::Witness::What::message, kFirstClient, 1, 0, ring.value().position());
  post_order(Kind::replay, 0);
  for (std::uint32_t i = 1; i <= limits_.max_attempts; ++i) {
    segment_.turn(0).owner.store(shm::Incarnation::of(0, i).value);
    segment_.turn(0).witness.store(witness);
    ASSERT_TRUE(adopt(0, i + 1));
  }
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::handler_failed);
  ASSERT_EQ(waiting().size(), 2U);
  EXPECT_EQ(waiting()[0].number, 0U);
  EXPECT_EQ(waiting()[1].kind, Kind::replay);
  EXPECT_EQ(replay(1), Errc::not_replayable) << "an order is no message to an agent";
}

TEST_F(ShardDeadLetters, OverwrittenLetterIsNotFound) {
  for (int i = 0; i < 600; ++i)
    expire("add", i);
  ASSERT_GT(waiting().front().number, 0U);
  EXPECT_EQ(replay(0), Errc::not_found);
  EXPECT_EQ(replay(waiting().back().number), Errc{});
  EXPECT_EQ(record().dead_lettered, 600U);
  EXPECT_EQ(record().buried_for[static_cast<std::size_t>(DeadReason::expired)], 600U);
}

TEST_F(ShardDeadLetters, FalseNameIsNeverReplayed) {
  post(agent_, "add", Task{.value = 5}, {.source = client_id(kSecondClient)});
  run();
  ASSERT_EQ(waiting().size(), 1U);
  EXPECT_EQ(waiting().front().reason, DeadReason::unroutable);
  EXPECT_EQ(replay(0), Errc::not_replayable);
  EXPECT_EQ(waiting().size(), 1U);
  EXPECT_EQ(state(agent_).count, 0U);
}

TEST_F(ShardDeadLetters, LetterForASuspendedAgentWaitsOn) {
  expire("add", 5);
  post(agent_, "tell", {}, {.kind = Kind::suspend});
  run();
  ASSERT_EQ(take(Priority::high).size(), 1U);
  EXPECT_EQ(replay(0), Errc::suspended);
  EXPECT_EQ(state(agent_).count, 0U);
  post(agent_, "tell", {}, {.kind = Kind::resume});
  run();
  ASSERT_EQ(take(Priority::high).size(), 1U);
  EXPECT_EQ(replay(0), Errc{});
  EXPECT_EQ(state(agent_).all(), (Values{5}));
}

TEST_F(ShardDeadLetters, EventIsReplayedToTheSubscriberThatItDiedFor) {
  const AgentId first = create({.subscribe = {"job.*"}}).value();
  const AgentId second = create({.subscribe = {"job.*"}}).value();
  const auto log = shm::EventLogReader::open(segment_.log(kFirstClient), segment_.endpoints(), 1);
  emit("job.a", 7);
  std::uint32_t incarnation = 1;
  for (const AgentId listener : {first, second}) {
    const std::uint64_t witness = shm::Witness::pack(shm::Witness::What::event, kFirstClient, 0,
                                                     listener.slot(), log.value().position());
    for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
      segment_.turn(0).owner.store(shm::Incarnation::of(0, incarnation).value);
      segment_.turn(0).witness.store(witness);
      ASSERT_TRUE(adopt(0, ++incarnation));
    }
    turn();
  }
  ASSERT_EQ(waiting().size(), 2U);
  EXPECT_EQ(waiting()[1].header.target, second.value());
  ASSERT_TRUE(adopt(0, ++incarnation, kTypes<NextPuppet>));
  EXPECT_EQ(replay(1), Errc::state_version);
  ASSERT_TRUE(adopt(0, ++incarnation));
  EXPECT_EQ(replay(1), Errc{});
  EXPECT_EQ(state(second).all(), (Values{7}));
  EXPECT_EQ(state(first).count, 0U);
  EXPECT_EQ(waiting().size(), 1U);
}

TEST_F(ShardDeadLetters, LetterThatWasCutShortIsNeverReplayed) {
  const AgentId listener = create({.subscribe = {"job.*"}, .shard = 1}).value();
  ASSERT_TRUE(adopt(1, 2, kTypes<NextPuppet>));
  post(agent_, "emit", Task{.value = 7, .bytes = 16300});
  run(0);
  run(1);
  ASSERT_EQ(waiting(1).size(), 1U);
  EXPECT_LT(waiting(1).front().payload.size(), 16300U);
  EXPECT_TRUE(waiting(1).front().is_final);
  ASSERT_TRUE(adopt(1, 3));
  EXPECT_EQ(replay(0, 1), Errc::not_replayable);
  EXPECT_EQ(state(listener).count, 0U);
}

TEST_F(ShardDeadLetters, WhatOverflowedGoesToItsTargetAfterAll) {
  overflow();
  ASSERT_EQ(waiting().size(), 1U);
  EXPECT_EQ(waiting().front().reason, DeadReason::overflow);
  const std::uint64_t number = waiting().front().number;
  (void)take(Priority::normal);
  EXPECT_EQ(replay(number), Errc{});
  const std::vector<Letter> sent = take(Priority::normal);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent.front().header.source, agent_.value());
  EXPECT_EQ(sent.front().value(), 5);
  EXPECT_EQ(sent.front().header.deadline_ns, 0);
}

TEST_F(ShardDeadLetters, LetterOfAMessageThatFailsNeverWas) {
  overflow();
  post(agent_, "fail", Task{.value = 6, .bytes = kQuarterRing});
  run();
  EXPECT_EQ(waiting().size(), 1U);
  EXPECT_EQ(record().dead_lettered, 1U);
  EXPECT_EQ(record().buried_for[static_cast<std::size_t>(DeadReason::overflow)], 1U);
}

TEST_F(ShardDeadLetters, OrderThatComesTooLateIsRefusedAndNoLetterItself) {
  expire("add", 5);
  post({static_cast<EndpointId>(1), 0, 0}, "order", std::uint64_t{0},
       {.kind = Kind::replay, .deadline_ns = 1});
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::timed_out);
  EXPECT_EQ(waiting().size(), 1U);
  EXPECT_EQ(state(agent_).count, 0U);
}

TEST_F(ShardDeadLetters, OrderWithoutANumberIsRefused) {
  post({static_cast<EndpointId>(1), 0, 0}, "order", "text", {.kind = Kind::replay});
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace mabeam::worker

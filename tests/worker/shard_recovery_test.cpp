// After an owner's death: who is to blame, how often, and what then. What a death leaves of a turn
// is covered by tests/sweep.
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using shm::Incarnation;
using shm::Witness;
using Values = std::vector<std::int64_t>;

class ShardRecovery : public ShardTest {
 protected:
  /// The witness of the message that is next in the first client's ring.
  [[nodiscard]] std::uint64_t next_message(Priority priority = Priority::normal) const {
    const auto ring = shm::RingConsumer::open(segment_.ring(kFirstClient, 1, priority)).value();
    return Witness::pack(Witness::What::message, kFirstClient, static_cast<std::uint32_t>(priority),
                         0, ring.position());
  }

  /// Leaves the shard as its owner left it that died under a handler; the next owner takes over.
  void die_under(std::uint64_t witness, bool was_planned = false) {
    shm::TurnRegion& region = segment_.turn(0);
    region.owner.store(Incarnation::of(0, incarnation_).value);
    region.witness.store(witness);
    segment_.worker(0).planned_end.store(was_planned ? incarnation_ : 0);
    adopt(0, ++incarnation_).value();
  }

  std::uint32_t incarnation_ = 1;
  AgentId agent_ = create().value();
};

TEST_F(ShardRecovery, DeathUnderAHandlerIsAnAttempt) {
  post(agent_, "add", Task{.value = 1});
  const std::uint64_t witness = next_message();
  die_under(witness);
  EXPECT_EQ(record().blamed_count, 1U);
  EXPECT_EQ(record().blamed_witness, witness);
  EXPECT_EQ(segment_.turn(0).witness.load(), 0U);
  EXPECT_EQ(segment_.turn(0).owner.load(), Incarnation::of(0, 2).value);
  die_under(witness);
  EXPECT_EQ(record().blamed_count, 2U);
  run();
  EXPECT_EQ(state(agent_).attempt, 3U);
  EXPECT_EQ(state(agent_).sum, 1);
  EXPECT_EQ(record().redelivered, 1U);
  EXPECT_EQ(record().blamed_count, 0U) << "it has passed";
  EXPECT_EQ(record().blamed_witness, 0U);
}

TEST_F(ShardRecovery, SignalThatKillsEveryOwnerIsPoison) {
  post(agent_, "add", Task{.value = 1});
  post(agent_, "add", Task{.value = 2});
  const std::uint64_t witness = next_message();
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i)
    die_under(witness);
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::poison);
  EXPECT_EQ(burials().front().header.target, agent_.value());
  EXPECT_EQ(state(agent_).all(), (Values{2})) << "the one behind it is served";
  EXPECT_EQ(state(agent_).attempt, 1U);
  EXPECT_EQ(record().blamed_count, 0U);
}

TEST_F(ShardRecovery, RequestThatKillsEveryOwnerIsAnswered) {
  post(agent_, "get", Task{.value = 1}, {.kind = shm::Kind::request, .correlation = 5});
  const std::uint64_t witness = next_message();
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i)
    die_under(witness);
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::poison);
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::handler_failed);
  EXPECT_EQ(replies.front().header.correlation, 5U);
  EXPECT_EQ(state(agent_).count, 0U);
}

TEST_F(ShardRecovery, EventThatKillsEveryOwnerIsPoisonForThatSubscriber) {
  const AgentId first = create({.subscribe = {"job.*"}}).value();
  const AgentId second = create({.subscribe = {"job.*"}}).value();
  const auto log = shm::EventLogReader::open(segment_.log(kFirstClient), segment_.endpoints(), 1);
  emit("job.a", 7);
  const std::uint64_t witness =
      Witness::pack(Witness::What::event, kFirstClient, 0, first.slot(), log.value().position());
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i)
    die_under(witness);
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::poison);
  EXPECT_EQ(state(first).count, 0U);
  EXPECT_EQ(state(second).all(), (Values{7}));
}

TEST_F(ShardRecovery, PlannedEndIsNobodysFault) {
  post(agent_, "add", Task{.value = 1});
  const std::uint64_t witness = next_message();
  for (std::uint32_t i = 0; i <= limits_.max_attempts; ++i)
    die_under(witness, true);
  EXPECT_EQ(record().blamed_count, 0U);
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1}));
  EXPECT_EQ(state(agent_).attempt, 1U);
  EXPECT_TRUE(burials().empty());
}

// The adopter died between counting the death and clearing the witness.
TEST_F(ShardRecovery, OneDeathIsCountedOnce) {
  post(agent_, "add", Task{.value = 1});
  const std::uint64_t witness = next_message();
  die_under(witness);
  segment_.turn(0).owner.store(Incarnation::of(0, 1).value);
  segment_.turn(0).witness.store(witness);
  ASSERT_TRUE(adopt(0, ++incarnation_));
  EXPECT_EQ(record().blamed_count, 1U);
}

TEST_F(ShardRecovery, AnotherMessageIsBlamedAnew) {
  post(agent_, "add", Task{.value = 1});
  die_under(next_message());
  die_under(next_message());
  ASSERT_EQ(record().blamed_count, 2U);
  die_under(next_message(Priority::high));
  EXPECT_EQ(record().blamed_count, 1U);
}

TEST_F(ShardRecovery, DeathBetweenMessagesBlamesNone) {
  post(agent_, "add", Task{.value = 1});
  die_under(0);
  EXPECT_EQ(record().blamed_count, 0U);
  run();
  EXPECT_EQ(state(agent_).attempt, 1U);
}

// It was begun in time: only the death of its owner has made it late.
TEST_F(ShardRecovery, MessageThatWasBegunNoLongerExpires) {
  post(agent_, "add", Task{.value = 1}, {.deadline_ns = 1});
  die_under(next_message());
  run();
  EXPECT_EQ(state(agent_).sum, 1);
  EXPECT_EQ(record().expired, 0U);
}

TEST_F(ShardRecovery, OrderlyExitBlamesNone) {
  post(agent_, "add", Task{.value = 1});
  shard().let_go();
  EXPECT_EQ(segment_.endpoint(1).owner.load(), 0U);
  ASSERT_TRUE(adopt(0, 2));
  EXPECT_EQ(segment_.endpoint(1).owner.load(), Incarnation::of(0, 2).value);
  EXPECT_EQ(record().blamed_count, 0U);
  run();
  EXPECT_EQ(state(agent_).attempt, 1U);
}

// So that a message which kills takes no others with it.
TEST_F(ShardRecovery, MessagesAreTakenOneATurnUntilTheBlamedOneHasPassed) {
  for (std::int64_t value = 1; value <= 5; ++value)
    post(agent_, "add", Task{.value = value});
  die_under(next_message());
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(turn(), 4U);
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4, 5}));
}

TEST_F(ShardRecovery, StateAndAgentsOutliveTheirOwner) {
  const AgentId other = create({.subscribe = {"job.*"}}).value();
  post(agent_, "add", Task{.value = 5});
  run();
  ASSERT_TRUE(adopt(0, 2));
  post(agent_, "add", Task{.value = 6});
  emit("job.a", 7);
  run();
  EXPECT_EQ(state(agent_).all(), (Values{5, 6}));
  EXPECT_EQ(state(other).all(), (Values{7}));
  EXPECT_EQ(create().value().slot(), other.slot() + 1) << "a slot in use is not given out";
}

TEST_F(ShardRecovery, RedoListThatFailsItsCheckParksTheShard) {
  shm::TurnRegion& region = segment_.turn(0);
  const std::uint64_t applied = region.applied.load();
  region.lists[(applied + 1) & 1U].turn = applied + 1;
  region.lists[(applied + 1) & 1U].checksum ^= 1U;
  region.committed.store(applied + 1);
  const Result<> adopted = adopt(0, 2);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, Errc::corrupt);
  EXPECT_EQ(segment_.endpoint(1).parked.load(), 1U);
}

}  // namespace
}  // namespace mabeam::worker

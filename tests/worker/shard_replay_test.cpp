// Replay: what has waited is handled as any message is: undone, retried, blamed; whoever dies, and
// whatever is damaged.
#include "tests/worker/suspend_support.hpp"

namespace mabeam::worker {
namespace {

using shm::DeadReason;
using shm::Incarnation;
using Values = std::vector<std::int64_t>;

class ShardReplay : public SuspendTest {};

// A replayed handler that waits for room is undone and stays where it is.
TEST_F(ShardReplay, ReplayWaitsForRoom) {
  suspend(agent_);
  for (std::int64_t value = 1; value <= 6; ++value)
    post(agent_, "send", Task{.value = value, .bytes = kQuarterRing});
  run();
  begin_to_resume(agent_);
  for (int i = 0; i < 5; ++i)
    turn();
  EXPECT_TRUE(shard().is_waiting());
  EXPECT_FALSE(shard().has_work()) << "nothing to do until there is room";
  EXPECT_FALSE(shard().is_drained());
  const std::vector<Letter> first = take(Priority::normal);
  run();
  const std::vector<Letter> rest = take(Priority::normal);
  Values values;
  for (const std::vector<Letter>* letters : {&first, &rest})
    for (const Letter& letter : *letters)
      values.push_back(letter.value());
  EXPECT_EQ(values, (Values{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(state(agent_).all(), values);
}

TEST_F(ShardReplay, FailureUndoesTheReplayedMessageAlone) {
  suspend(agent_);
  add(agent_, 1);
  post(agent_, "fail", Task{.value = 2});
  add(agent_, 3);
  run();
  resume(agent_);
  EXPECT_EQ(state(agent_).all(), (Values{1, 3}));
  EXPECT_TRUE(take(Priority::normal).empty());
}

TEST_F(ShardReplay, ReplayedMessageMayEndItsAgent) {
  suspend(agent_);
  add(agent_, 1);
  post(agent_, "quit", Task{.value = 2});
  add(agent_, 3);
  add(agent_, 4);
  run();
  resume(agent_);
  EXPECT_FALSE(segment_.is_alive(agent_));
  EXPECT_EQ(burials().size(), 2U);
  EXPECT_EQ(parked_bytes(), 0U);
  EXPECT_FALSE(shard().has_work());
}

// ---- deaths ----------------------------------------------------------------------------------

TEST_F(ShardReplay, EveryOwnerFindsWhatWaits) {
  suspend(agent_);
  std::uint32_t incarnation = 2;
  for (std::int64_t value = 1; value <= 4; ++value) {
    add(agent_, value);
    run();
    adopt(0, incarnation++).value();
  }
  EXPECT_EQ(life(agent_), Lifecycle::suspended);
  resume(agent_);
  EXPECT_EQ(state(agent_).all(), (Values{1, 2, 3, 4}));
}

TEST_F(ShardReplay, OwnersMayDieBetweenAnyTwoTurnsOfAReplay) {
  limits_.turn_messages = 2;
  const AgentId other = create().value();
  suspend(agent_);
  suspend(other);
  for (std::int64_t value = 1; value <= 8; ++value)
    add(value % 2 == 0 ? agent_ : other, value);
  run();
  begin_to_resume(agent_);
  std::uint32_t incarnation = 2;
  do {
    adopt(0, incarnation++).value();
    if (incarnation == 4) add(agent_, 10);
    expect_whole();
  } while (turn() != 0 && incarnation < 50);
  EXPECT_EQ(state(agent_).all(), (Values{2, 4, 6, 8, 10}));
  EXPECT_EQ(life(agent_), Lifecycle::ready);
  resume(other);
  EXPECT_EQ(state(other).all(), (Values{1, 3, 5, 7}));
}

// The list of the turn that copied what stays was committed; none of its words had been stored.
TEST_F(ShardReplay, CopyThatWasCommittedIsApplied) {
  const AgentId other = create().value();
  suspend(agent_);
  suspend(other);
  for (std::int64_t value = 1; value <= 8; ++value)
    add(value % 2 == 0 ? agent_ : other, value);
  run();
  begin_to_resume(agent_);
  const std::vector<std::byte> before{segment_.bytes().begin(), segment_.bytes().end()};
  turn();
  ASSERT_EQ(state(agent_).all(), (Values{2, 4, 6, 8}));
  shm::TurnRegion& region = segment_.turn(0);
  const std::uint64_t committed = region.committed.load();
  auto* words = reinterpret_cast<shm::RingHeader*>(segment_.parking(0).data());
  const auto* old = reinterpret_cast<const shm::RingHeader*>(
      before.data() + (segment_.parking(0).data() - segment_.bytes().data()));
  words->head.store(old->head.load());
  words->tail.store(old->tail.load());
  region.applied.store(committed - 1);
  adopt(0, 2).value();
  run();
  EXPECT_EQ(state(agent_).all(), (Values{2, 4, 6, 8})) << "once";
  resume(other);
  EXPECT_EQ(state(other).all(), (Values{1, 3, 5, 7}));
  expect_whole();
}

TEST_F(ShardReplay, ReplayedMessageThatKillsEveryOwnerIsPoison) {
  suspend(agent_);
  add(agent_, 1);
  add(agent_, 2);
  run();
  begin_to_resume(agent_);
  const std::uint64_t witness =
      shm::Witness::pack(shm::Witness::What::parked, 1, 0, agent_.slot(), log().head.load());
  shm::TurnRegion& region = segment_.turn(0);
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
    region.owner.store(Incarnation::of(0, i + 1).value);
    region.witness.store(witness);
    adopt(0, i + 2).value();
  }
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, DeadReason::poison);
  EXPECT_EQ(state(agent_).all(), (Values{2}));
}

// Where it lies changes as what was parked before it is taken; its deaths are counted all the same.
TEST_F(ShardReplay, BlameFollowsAMessageThatIsCopied) {
  const AgentId other = create().value();
  suspend(agent_);
  suspend(other);
  add(other, 1);
  add(agent_, 2);
  add(agent_, 3);
  run();
  begin_to_resume(agent_);
  const std::uint64_t record_bytes = parked_bytes() / 3;
  const auto die_under_the_last = [&](std::uint32_t incarnation) {
    shm::TurnRegion& region = segment_.turn(0);
    region.owner.store(Incarnation::of(0, incarnation).value);
    region.witness.store(shm::Witness::pack(shm::Witness::What::parked, 1, 0, agent_.slot(),
                                            log().tail.load() - record_bytes));
    adopt(0, incarnation + 1).value();
  };
  die_under_the_last(1);
  turn();
  ASSERT_EQ(state(agent_).all(), (Values{2}));
  ASSERT_EQ(parked_bytes(), 2 * record_bytes);
  for (std::uint32_t i = 2; i <= limits_.max_attempts; ++i)
    die_under_the_last(i);
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, DeadReason::poison);
  EXPECT_EQ(state(agent_).all(), (Values{2}));
  EXPECT_EQ(record().blamed_count, 0U);
  resume(other);
  EXPECT_EQ(state(other).all(), (Values{1}));
}

// A copy takes room for one turn: what comes in that turn waits for the next one.
TEST_F(ShardReplay, NothingIsRefusedForWantOfTheRoomThatACopyTakes) {
  const AgentId other = create().value();
  suspend(agent_);
  suspend(other);
  const std::vector<std::byte> body(kQuarterRing);
  post(other, "add", std::span{body});
  add(agent_, 1);
  for (int i = 0; i < 3; ++i) {
    run();
    post(other, "add", std::span{body});
  }
  run();
  begin_to_resume(agent_);
  add(other, 9);
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1}));
  EXPECT_TRUE(burials().empty());
  resume(other);
  EXPECT_EQ(state(other).all(), (Values{0, 0, 0, 0, 9}));
  EXPECT_TRUE(burials().empty());
}

// ---- damage ----------------------------------------------------------------------------------

TEST_F(ShardReplay, DamagedRecordCostsWhatLiesBehindIt) {
  suspend(agent_);
  add(agent_, 1);
  run();
  const std::uint64_t good = log().tail.load();
  add(agent_, 2);
  add(agent_, 3);
  run();
  std::byte* records = segment_.parking(0).data() + sizeof(shm::RingHeader);
  reinterpret_cast<shm::RecordHeader*>(records + good)->length = 0xFFFFFF;
  adopt(0, 2).value();
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, DeadReason::corrupt);
  add(agent_, 4);
  run();
  expect_whole();
  resume(agent_);
  EXPECT_EQ(state(agent_).all(), (Values{1, 4}));
}

TEST_F(ShardReplay, LogBeyondReadingParksTheShard) {
  reinterpret_cast<shm::RingHeader*>(segment_.parking(0).data())->magic ^= 1U;
  EXPECT_FALSE(adopt(0, 2));
  EXPECT_EQ(segment_.endpoint(1).parked.load(), 1U);
}

// A target that was damaged into another shard's agent is nobody's: no owner spins over it.
TEST_F(ShardReplay, ParkedMessageForAnotherShardIsRefused) {
  suspend(agent_);
  add(agent_, 1);
  run();
  std::byte* body =
      segment_.parking(0).data() + sizeof(shm::RingHeader) + sizeof(shm::RecordHeader);
  reinterpret_cast<shm::MessageHeader*>(body)->target ^= std::uint64_t{3} << 56U;
  adopt(0, 2).value();
  run();
  EXPECT_EQ(burials().size(), 1U);
  EXPECT_FALSE(shard().has_work());
}

}  // namespace
}  // namespace mabeam::worker

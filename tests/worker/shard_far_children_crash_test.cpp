// Stopping large families over two shards: deaths of either owner, full rings, and an on_stop()
// that kills.
#include "shm/letters.hpp"
#include "tests/worker/far_children_support.hpp"

namespace mabeam::worker {
namespace {

using shm::DeadReason;
using shm::Kind;

class ShardFarFamilies : public FarChildren {
 protected:
  ShardFarFamilies() : FarChildren(1200) {}

  /// Sons on both shards; each has sons on the other shard.
  Ids make_family(std::uint32_t sons, std::uint32_t grandsons) {
    Ids family{root_};
    for (const std::uint32_t shard : {0U, 1U}) {
      for (const AgentId son : beget(root_, shard, sons)) {
        family.push_back(son);
        const Ids more = beget(son, 1 - shard, grandsons);
        family.insert(family.end(), more.begin(), more.end());
      }
    }
    return family;
  }

  void run_through_deaths(bool before_the_words) {
    for (int turns = 0; turns < 500; ++turns) {
      const std::uint32_t index = static_cast<std::uint32_t>(turns) % 2;
      if (!shard(index).has_work()) {
        if (!shard(1 - index).has_work()) return;
        continue;
      }
      if (before_the_words) {
        commit_and_die(index);
      } else {
        turn(index);
        expect_whole();
      }
      adopt_anew(index);
      hear();
    }
    FAIL() << "the shards never came to rest";
  }

  /// Leaves no room from one shard to the other, but for what a stranger there is told.
  void fill(std::uint32_t from) {
    const std::uint32_t to = 1 - from;
    const AgentId reader = strangers_[to];
    auto ring = shm::RingProducer::open(segment_.ring(from + 1, to + 1, Priority::normal)).value();
    shm::MessageHeader header{};
    header.symbol = segment_.symbols().intern("tell").value();
    header.source = AgentId{static_cast<EndpointId>(from + 1), 0, 1}.value();
    header.target = reader.value();
    for (;;) {
      const auto room = ring.claim(sizeof header, static_cast<std::uint16_t>(Kind::signal));
      if (!room) break;
      shm::compose(*room, header, {});
    }
    ring.publish();
    adopt_anew(from);
  }

  [[nodiscard]] std::uint64_t dead_lettered() const {
    return record(0).dead_lettered + record(1).dead_lettered;
  }

  std::array<AgentId, 2> strangers_{create({.type = "breeder", .shard = 0}).value(),
                                    create({.type = "breeder", .shard = 1}).value()};
};

TEST_F(ShardFarFamilies, OwnersThatDieAfterEachTurnEndEachOnce) {
  const Ids family = make_family(2, 100);
  post_stop(root_);
  run_through_deaths(false);
  expect_ended(family);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
}

TEST_F(ShardFarFamilies, OwnersThatDieBeforeTheirWordsEndEachOnce) {
  const Ids family = make_family(2, 100);
  post_stop(root_);
  run_through_deaths(true);
  expect_ended(family);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
}

// Both rings are full, and what is first in either makes its reader write into the other: were it
// to stay there until that has room, neither would ever go on.
TEST_F(ShardFarFamilies, CircleOfFullRingsHoldsNobodyUp) {
  const AgentId far_root = create({.type = "breeder", .shard = 1}).value();
  const AgentId son = beget_one(root_, 1);
  const AgentId other = beget_one(far_root, 0);
  const AgentId grandson = beget_one(son, 0);
  ASSERT_EQ(stop(root_), Errc{});
  ASSERT_EQ(stop(far_root), Errc{});
  take(Priority::normal);
  tell({root_.value()}, {.count = 1});
  tell({far_root.value()}, {.count = 1}, 2);
  fill(0);
  fill(1);
  run_all();
  expect_ended({son, other, grandson});
  EXPECT_EQ(dead_lettered(), 0U);
}

// ---- a full ring -------------------------------------------------------------------------------

TEST_F(ShardFarFamilies, FullRingHoldsTheEndUp) {
  const AgentId son = beget_one(root_, 1);
  fill(0);
  post_stop(root_);
  run(0);
  ASSERT_TRUE(shard(0).is_waiting());
  EXPECT_TRUE(segment_.exists(root_));
  EXPECT_TRUE(answers().empty());
  run_all();
  expect_ended({root_, son});
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
}

TEST_F(ShardFarFamilies, EndOfTheBereavedWaitsForRoomAndMessagesPass) {
  const AgentId son = beget_one(root_, 1);
  const AgentId grandson = beget_one(son, 0);
  const AgentId other = create({.type = "puppet", .shard = 1}).value();
  fill(1);
  post_stop(root_);
  turn(0);
  run(1);
  ASSERT_TRUE(shard(1).is_waiting());
  ASSERT_TRUE(is_ending(son));
  post(other, "add", Task{.value = 1}, {.client = kSecondClient});
  run(1);
  EXPECT_EQ(state(other).count, 1U);
  run_all();
  expect_ended({root_, son, grandson});
}

// Without patience: whom it could not tell of that is told by the replay of a dead letter.
TEST_F(ShardFarFamilies, FullRingOverflowsIntoALetterThatCanBeReplayed) {
  const AgentId son = beget_one(root_, 1);
  const AgentId grandson = beget_one(son, 1);
  fill(0);
  limits_.stall_timeout_ns = 0;
  post_stop(root_);
  for (int tries = 0; tries < 4 && segment_.exists(root_); ++tries)
    run(0);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_FALSE(segment_.exists(root_));
  run_all();
  EXPECT_TRUE(segment_.is_alive(son));
  ASSERT_EQ(burials(0).size(), 1U);
  EXPECT_EQ(burials(0).front().reason, DeadReason::overflow);
  const auto letters = shm::read_letters(segment_.dead_letters(0)).waiting;
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters.front().kind, Kind::stop_children);
  EXPECT_TRUE(shm::is_replayable(letters.front(), 1));
  EXPECT_FALSE(shm::is_replayable(letters.front(), 2));

  post({EndpointId{1}, 0, 0}, "order", letters.front().number, {.kind = Kind::replay});
  run_all();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  expect_ended({root_, son, grandson});
}

// One that never came as it should is not run as if it were for an agent.
TEST_F(ShardFarFamilies, LetterOfTheOneThatIsToldIsNotReplayed) {
  post({EndpointId{2}, 0, 0}, "x", 7, {.kind = Kind::stop_children, .client = 1});
  run(1);
  ASSERT_EQ(burials(1).size(), 1U);
  post({EndpointId{2}, 0, 0}, "order", std::uint64_t{0}, {.kind = Kind::replay});
  run(1);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc::not_replayable}));
}

// ---- an on_stop() that kills -------------------------------------------------------------------

TEST_F(ShardFarFamilies, EndOfTheBereavedThatKillsGoesOnWithoutLastWords) {
  const Ids sons = beget(root_, 1, 200);
  post_stop(root_);
  run(0);
  hear();
  const std::uint64_t witness = shm::Witness::pack(shm::Witness::What::end, 2, 0, 0, 0);
  ASSERT_EQ(turn(1), 1U);
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
    segment_.turn(1).witness.store(witness);
    adopt_anew(1);
    const std::uint64_t before = record(1).agents_live;
    turn(1);
    turn(1);
    EXPECT_GE(before, record(1).agents_live);
    EXPECT_LE(before - record(1).agents_live, i + 1 < limits_.max_attempts ? 2U : 128U);
    hear();
  }
  const std::size_t heard = goodbyes_.size();
  EXPECT_LE(heard, 6U);
  run_all();
  EXPECT_EQ(goodbyes_.size(), heard);
  EXPECT_EQ(record(1).agents_live, 1U);
  EXPECT_EQ(record(1).blamed_count, 0U);
  for (const AgentId son : sons)
    EXPECT_FALSE(segment_.exists(son));
  expect_whole();
}

// Nobody here is its child, and it ends without its last word all the same.
TEST_F(ShardFarFamilies, RootThatKillsEveryOwnerEndsWithoutItsLastWord) {
  const AgentId son = beget_one(root_, 1);
  post_stop(root_);
  const auto ring = shm::RingConsumer::open(segment_.ring(kFirstClient, 1, Priority::normal));
  const std::uint64_t witness =
      shm::Witness::pack(shm::Witness::What::message, kFirstClient,
                         static_cast<std::uint32_t>(Priority::normal), 0, ring.value().position());
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
    segment_.turn(0).witness.store(witness);
    adopt_anew(0);
  }
  run_all();
  EXPECT_EQ(goodbyes_, (Ids{son}));
  EXPECT_FALSE(segment_.exists(root_));
  EXPECT_FALSE(segment_.exists(son));
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc::handler_failed}));
  EXPECT_EQ(dead_lettered(), 1U);
}

}  // namespace
}  // namespace mabeam::worker

// Turn: one store commits; what was committed is redone, what was not never happened; a list that
// is not whole is refused. Killing it at every instruction is tests/sweep.
#include "shm/turn.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace mabeam::shm {
namespace {

/// Words in private memory, by index; every kind is allowed.
class TestWords final : public TurnWords {
 public:
  explicit TestWords(std::vector<Word>& words) : words_(words) {}

  Result<Word*> resolve(const RedoEntry& entry) const override {
    if (entry.index() >= words_.size()) return fail(Errc::corrupt);
    return &words_[entry.index()];
  }

  /// Which words had been stored by then, as bits.
  void bump_epoch() const override {
    ++bumps_;
    stored_ = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      stored_ |= std::uint64_t{words_[i].load() != 0} << i;
    }
  }

  [[nodiscard]] int bumps() const { return bumps_; }

  [[nodiscard]] std::uint64_t stored() const { return stored_; }

 private:
  std::vector<Word>& words_;
  mutable int bumps_ = 0;
  mutable std::uint64_t stored_ = 0;
};

class TurnTest : public ::testing::Test {
 protected:
  /// Stages `count` words with the values that the turn's number makes.
  void stage(Turn& turn, std::uint64_t count) {
    turn.begin();
    for (std::uint64_t i = 0; i < count; ++i) {
      turn.stage(i < 4 ? WordKind::agent_version : WordKind::ring_tail, i, words_[i],
                 turn.number() * 1000 + i);
    }
  }

  /// A list as it lies in the segment when its owner died between COMMIT and APPLY.
  void commit_without_applying(std::uint64_t count, bool bumps = false) {
    const std::uint64_t number = region().applied.load() + 1;
    RedoList& list = region().lists[number & 1U];
    list.turn = number;
    list.count = static_cast<std::uint32_t>(count);
    list.bumps_epoch = bumps ? 1 : 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      list.entries[i] = {RedoEntry::make_key(WordKind::ring_tail, i), number * 1000 + i};
    }
    list.checksum = checksum_of(list, list.count);
    region().committed.store(number);
  }

  void expect_words(std::uint64_t number, std::uint64_t count) const {
    for (std::uint64_t i = 0; i < count; ++i)
      EXPECT_EQ(words_[i].load(), number * 1000 + i);
  }

  [[nodiscard]] TurnRegion& region() const {
    return *reinterpret_cast<TurnRegion*>(memory_.span().data());
  }

  Memory memory_{sizeof(TurnRegion)};
  std::vector<Word> words_ = std::vector<Word>(64);
  TestWords resolver_{words_};
};

TEST_F(TurnTest, CommitStoresEveryWord) {
  Turn turn{region()};
  for (std::uint64_t number = 1; number <= 5; ++number) {
    EXPECT_EQ(turn.number(), number);
    stage(turn, 20);
    turn.commit(resolver_);
    expect_words(number, 20);
    EXPECT_EQ(region().committed.load(), number);
    EXPECT_EQ(region().applied.load(), number);
  }
  EXPECT_EQ(resolver_.bumps(), 0);
}

TEST_F(TurnTest, WhatIsStagedIsNotStored) {
  Turn turn{region()};
  stage(turn, 20);
  for (const Word& word : words_)
    EXPECT_EQ(word.load(), 0U);
  EXPECT_EQ(region().committed.load(), 0U);
  EXPECT_FALSE(Turn{region()}.recover(resolver_).value());
}

TEST_F(TurnTest, TheEpochIsRaisedOnceBetweenStructureAndTails) {
  Turn turn{region()};
  stage(turn, 20);
  turn.bump_epoch();
  turn.commit(resolver_);
  EXPECT_EQ(resolver_.bumps(), 1);
  EXPECT_EQ(resolver_.stored(), 0xFU);  // four words of structure, none of the tails
  stage(turn, 2);                       // structure only
  turn.bump_epoch();
  turn.commit(resolver_);
  EXPECT_EQ(resolver_.bumps(), 2);
}

TEST_F(TurnTest, ACommittedTurnIsAppliedByTheNextOwner) {
  commit_without_applying(30, true);
  Turn turn{region()};
  EXPECT_TRUE(turn.recover(resolver_).value());
  expect_words(1, 30);
  EXPECT_EQ(region().applied.load(), 1U);
  EXPECT_EQ(resolver_.bumps(), 1);
  EXPECT_EQ(resolver_.stored(), 0U);  // there was no structure, and no tail may be before it
  EXPECT_FALSE(turn.recover(resolver_).value());
}

TEST_F(TurnTest, RecoveryMayBeRepeated) {
  commit_without_applying(30);
  for (int i = 0; i < 3; ++i) {
    Turn turn{region()};
    EXPECT_TRUE(turn.recover(resolver_).value());
    expect_words(1, 30);
    region().applied.store(0);  // as if this owner had died before it stored that
  }
}

TEST_F(TurnTest, TurnsGoOnAfterRecovery) {
  commit_without_applying(10);
  Turn turn{region()};
  ASSERT_TRUE(turn.recover(resolver_).value());
  stage(turn, 10);
  turn.commit(resolver_);
  expect_words(2, 10);
}

TEST_F(TurnTest, TheListOfATurnOutlivesTheNextStaging) {
  Turn turn{region()};
  stage(turn, 10);
  turn.commit(resolver_);
  const RedoList first = region().lists[1];
  stage(turn, 10);
  EXPECT_EQ(std::memcmp(&first, &region().lists[1], sizeof first), 0);
}

TEST_F(TurnTest, TheChecksumCatchesEveryFlippedBit) {
  constexpr std::uint64_t kCount = 9;
  commit_without_applying(kCount, true);
  auto* bytes = reinterpret_cast<unsigned char*>(&region().lists[1]);
  const std::size_t end = offsetof(RedoList, entries) + kCount * sizeof(RedoEntry);
  for (std::size_t i = 0; i < end; ++i) {
    if (i >= offsetof(RedoList, reserved) && i < offsetof(RedoList, entries)) continue;
    for (unsigned bit = 0; bit < 8; ++bit) {
      bytes[i] = static_cast<unsigned char>(bytes[i] ^ (1U << bit));
      Turn turn{region()};
      const auto recovered = turn.recover(resolver_);
      ASSERT_FALSE(recovered) << "byte " << i << " bit " << bit;
      ASSERT_EQ(recovered.error().code, Errc::corrupt);
      bytes[i] = static_cast<unsigned char>(bytes[i] ^ (1U << bit));
    }
  }
  for (const Word& word : words_)
    EXPECT_EQ(word.load(), 0U);
  EXPECT_EQ(region().applied.load(), 0U);
  EXPECT_TRUE(Turn{region()}.recover(resolver_).value());
}

TEST_F(TurnTest, TheChecksumKnowsTheOrder) {
  commit_without_applying(5);
  RedoList& list = region().lists[1];
  const std::uint64_t before = checksum_of(list, list.count);
  std::swap(list.entries[1], list.entries[2]);
  EXPECT_NE(checksum_of(list, list.count), before);
}

TEST_F(TurnTest, AListOfAnotherTurnIsRefused) {
  commit_without_applying(5);
  RedoList& list = region().lists[1];
  list.turn = 3;  // whole, but not the one that was committed
  list.checksum = checksum_of(list, list.count);
  EXPECT_EQ(Turn{region()}.recover(resolver_).error().code, Errc::corrupt);
}

TEST_F(TurnTest, ACountAboveTheListIsRefused) {
  commit_without_applying(5);
  for (const std::uint32_t count : {4097U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    region().lists[1].count = count;
    EXPECT_EQ(Turn{region()}.recover(resolver_).error().code, Errc::corrupt);
  }
}

TEST_F(TurnTest, NumbersThatAreNotNeighboursAreRefused) {
  commit_without_applying(5);
  for (const std::uint64_t committed : {3U, 100U}) {
    region().committed.store(committed);
    EXPECT_EQ(Turn{region()}.recover(resolver_).error().code, Errc::corrupt);
  }
  region().applied.store(5);
  region().committed.store(4);
  EXPECT_EQ(Turn{region()}.recover(resolver_).error().code, Errc::corrupt);
}

TEST_F(TurnTest, OneBadEntryStoresNothing) {
  commit_without_applying(5);
  RedoList& list = region().lists[1];
  list.entries[4].key = RedoEntry::make_key(WordKind::ring_tail, 999);
  list.checksum = checksum_of(list, list.count);
  EXPECT_EQ(Turn{region()}.recover(resolver_).error().code, Errc::corrupt);
  for (const Word& word : words_)
    EXPECT_EQ(word.load(), 0U);
}

TEST_F(TurnTest, TheRecordOfAShardIsItsOwnFirstAgent) {
  Turn turn{region()};
  EXPECT_EQ(turn.record().sent, 0U);
  turn.begin();
  ShardRecord record = turn.record();
  record.sent = 7;
  turn.stage_record(record);
  EXPECT_EQ(turn.record().sent, 0U);
  turn.commit(resolver_);
  EXPECT_EQ(turn.record().sent, 7U);
  EXPECT_EQ(region().record_version.load(), 1U);
}

TEST_F(TurnTest, TheWitnessIsOneWord) {
  Turn turn{region()};
  const std::uint64_t witness = Witness::pack(Witness::What::message, 255, 2, 0xFFFFFF, 1U << 20U);
  turn.set_witness(witness);
  EXPECT_EQ(region().witness.load(), witness);
  EXPECT_EQ(Witness::what(witness), Witness::What::message);
  turn.clear_witness();
  EXPECT_EQ(region().witness.load(), 0U);
}

TEST(WitnessWord, TellsRecordsApart) {
  const auto of = [](std::uint32_t endpoint, std::uint32_t priority, std::uint32_t slot,
                     std::uint64_t position) {
    return Witness::pack(Witness::What::event, endpoint, priority, slot, position);
  };
  const std::uint64_t one = of(1, 0, 1, 8);
  EXPECT_NE(one, of(2, 0, 1, 8));
  EXPECT_NE(one, of(1, 1, 1, 8));
  EXPECT_NE(one, of(1, 0, 2, 8));
  EXPECT_NE(one, of(1, 0, 1, 16));
  EXPECT_EQ(one, of(1, 0, 1, 8));
}

}  // namespace
}  // namespace mabeam::shm

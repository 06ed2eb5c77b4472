// SegmentWords: a redo entry names a word of its own shard and a value that may come next, or it is
// refused. A hostile list can store nothing anywhere else (pitfall 1.11).
#include "shm/turn_words.hpp"

#include "shm/blocks.hpp"
#include "shm/event_log.hpp"
#include "shm/span_ring.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace mabeam::shm {
namespace {

class TurnWordsTest : public SegmentTest {
 protected:
  [[nodiscard]] Result<Word*> resolve(WordKind kind, std::uint64_t index,
                                      std::uint64_t value) const {
    return words_.resolve({RedoEntry::make_key(kind, index), value});
  }

  [[nodiscard]] bool is_refused(WordKind kind, std::uint64_t index, std::uint64_t value) const {
    const Result<Word*> word = resolve(kind, index, value);
    return !word && word.error().code == Errc::corrupt;
  }

  [[nodiscard]] const Dimensions& d() const { return segment_.dimensions(); }

  [[nodiscard]] LogHeader& own_log() const {
    return *reinterpret_cast<LogHeader*>(segment_.log(2).data());
  }

  SegmentWords words_{segment_, 1};  // endpoint 2
};

TEST_F(TurnWordsTest, AgentWordsAreOfItsOwnTable) {
  const AgentTable table = segment_.agents(1);
  EXPECT_EQ(*resolve(WordKind::agent_version, 3, 1), &table.record(3).version);
  EXPECT_EQ(*resolve(WordKind::agent_slot, 3, SlotWord{1, 2}.pack()), &table.record(3).slot_word);
  EXPECT_TRUE(is_refused(WordKind::agent_version, d().agents_per_shard, 1));
  EXPECT_TRUE(is_refused(WordKind::agent_slot, d().agents_per_shard, SlotWord{1, 2}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_slot, std::uint64_t{1} << 50U, SlotWord{1, 2}.pack()));
}

TEST_F(TurnWordsTest, AVersionStaysOrIsTheNext) {
  segment_.agents(1).record(0).version.store(10);
  EXPECT_TRUE(resolve(WordKind::agent_version, 0, 10));
  EXPECT_TRUE(resolve(WordKind::agent_version, 0, 11));
  EXPECT_TRUE(is_refused(WordKind::agent_version, 0, 12));
  EXPECT_TRUE(is_refused(WordKind::agent_version, 0, 9));
  segment_.turn(1).record_version.store(4);
  EXPECT_EQ(*resolve(WordKind::shard_record, 0, 5), &segment_.turn(1).record_version);
  EXPECT_TRUE(is_refused(WordKind::shard_record, 0, 6));
  EXPECT_TRUE(is_refused(WordKind::shard_record, 1, 5));
}

TEST_F(TurnWordsTest, ASlotWordKeepsItsGenerationOrTakesTheNext) {
  segment_.agents(1).record(0).slot_word.store(SlotWord{7, 2}.pack());
  EXPECT_TRUE(resolve(WordKind::agent_slot, 0, SlotWord{7, 0}.pack()));
  EXPECT_TRUE(resolve(WordKind::agent_slot, 0, SlotWord{8, 2}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_slot, 0, SlotWord{9, 2}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_slot, 0, SlotWord{6, 2}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_slot, 0, SlotWord{8, 6}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_slot, 0, SlotWord{8, 2}.pack() | 0x100U));
}

TEST_F(TurnWordsTest, NamesPointIntoTheTable) {
  const std::uint64_t entry = NameWord{5, 3}.pack();
  EXPECT_EQ(*resolve(WordKind::name, 7, entry), &segment_.agents(1).name_word(7));
  EXPECT_TRUE(resolve(WordKind::name, 7, kTombstone));
  EXPECT_TRUE(is_refused(WordKind::name, d().names_per_shard, entry));
  EXPECT_TRUE(is_refused(WordKind::name, 7, NameWord{5, d().agents_per_shard}.pack()));
  EXPECT_TRUE(resolve(WordKind::name, 7, 0));
  EXPECT_TRUE(is_refused(WordKind::name, (std::uint64_t{1} << 40U) + 7, entry));
}

TEST_F(TurnWordsTest, SubscriptionsAreOfItsOwnTableAndAgents) {
  const std::uint64_t entry = SubscriptionWord{Symbol{20}, 3}.pack();
  EXPECT_EQ(*resolve(WordKind::subscription, 9, entry), &segment_.subscriptions(2)[9].word);
  EXPECT_TRUE(resolve(WordKind::subscription, 9, 0));
  EXPECT_TRUE(is_refused(WordKind::subscription, d().subscriptions_per_endpoint, entry));
  EXPECT_TRUE(is_refused(WordKind::subscription, 9,
                         SubscriptionWord{Symbol{20}, d().agents_per_shard}.pack()));
}

TEST_F(TurnWordsTest, MetadataIsOfItsOwnPoolAndFollowsWhatThereIs) {
  Word& word = segment_.agents(1).profile(3).metadata;
  word.store(MetadataWord{7, 2}.pack());
  EXPECT_EQ(*resolve(WordKind::agent_metadata, 3, MetadataWord{8, 0}.pack()), &word);
  EXPECT_TRUE(resolve(WordKind::agent_metadata, 3, MetadataWord{8}.pack()));
  EXPECT_TRUE(resolve(WordKind::agent_metadata, 3, MetadataWord{7, 2}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_metadata, 3, MetadataWord{7, 3}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_metadata, 3, MetadataWord{9, 0}.pack()));
  EXPECT_TRUE(is_refused(WordKind::agent_metadata, 3, MetadataWord{6, 0}.pack()));
  EXPECT_TRUE(
      is_refused(WordKind::agent_metadata, 3, MetadataWord{8, d().metadata_per_shard}.pack()));
  EXPECT_TRUE(
      is_refused(WordKind::agent_metadata, d().agents_per_shard, MetadataWord{1, 0}.pack()));
}

TEST_F(TurnWordsTest, TimersAreOfItsOwnTableAndAgents) {
  const std::uint64_t word = TimerWord{5, 3}.pack();
  EXPECT_EQ(*resolve(WordKind::timer, 7, word), &segment_.timers(1)[7].word);
  EXPECT_EQ(*resolve(WordKind::timer_due, 7, 12), &segment_.timers(1)[7].due_ns);
  EXPECT_TRUE(resolve(WordKind::timer, 7, 0));
  EXPECT_TRUE(is_refused(WordKind::timer, d().timers_per_shard, word));
  EXPECT_TRUE(is_refused(WordKind::timer, (std::uint64_t{1} << 40U) + 7, word));
  EXPECT_TRUE(is_refused(WordKind::timer, 7, TimerWord{5, d().agents_per_shard}.pack()));
  EXPECT_TRUE(is_refused(WordKind::timer, 7, std::uint64_t{5} << 32U));
  EXPECT_TRUE(is_refused(WordKind::timer_due, d().timers_per_shard, 12));
  EXPECT_TRUE(is_refused(WordKind::timer_due, 7, std::uint64_t{1} << 63U));
}

TEST_F(TurnWordsTest, LogsAreItsOwnAndGoForward) {
  own_log().tail.store(800);
  own_log().sequence.store(10);
  EXPECT_EQ(*resolve(WordKind::log_tail, 0, 808), &own_log().tail);
  EXPECT_EQ(*resolve(WordKind::log_sequence, 0, 11), &own_log().sequence);
  EXPECT_TRUE(is_refused(WordKind::log_tail, 0, 792));
  EXPECT_TRUE(is_refused(WordKind::log_tail, 0, 804));
  EXPECT_TRUE(is_refused(WordKind::log_tail, 0, 808 + d().log_bytes));
  EXPECT_TRUE(is_refused(WordKind::log_tail, 1, 808));
  EXPECT_TRUE(is_refused(WordKind::log_sequence, 0, 9));
  auto* dead = reinterpret_cast<LogHeader*>(segment_.dead_letters(1).data());
  EXPECT_EQ(*resolve(WordKind::dead_tail, 0, 64), &dead->tail);
  EXPECT_EQ(*resolve(WordKind::dead_sequence, 0, 1), &dead->sequence);
  EXPECT_TRUE(is_refused(WordKind::dead_tail, 0, d().dead_letter_bytes + 8));
}

TEST_F(TurnWordsTest, RingsAreThoseFromAndToItself) {
  const auto header = [&](std::uint32_t source, std::uint32_t target, Priority priority) {
    return reinterpret_cast<RingHeader*>(segment_.ring(source, target, priority).data());
  };
  EXPECT_EQ(*resolve(WordKind::ring_tail, 1 * 4 + 0, 64), &header(2, 1, Priority::high)->tail);
  EXPECT_EQ(*resolve(WordKind::ring_head, 3 * 4 + 2, 0), &header(3, 2, Priority::low)->head);
  EXPECT_TRUE(is_refused(WordKind::ring_tail, 0 * 4, 64));      // none to the supervisor
  EXPECT_TRUE(is_refused(WordKind::ring_tail, 1 * 4 + 3, 64));  // no fourth priority
  EXPECT_TRUE(is_refused(WordKind::ring_tail, 200 * 4, 64));
  EXPECT_TRUE(is_refused(WordKind::ring_tail, ((std::uint64_t{1} << 32U) + 1) * 4, 64));
  EXPECT_TRUE(is_refused(WordKind::ring_tail, 1 * 4, 4096 + 8));
  EXPECT_TRUE(is_refused(WordKind::ring_tail, 1 * 4, 63));
  header(3, 2, Priority::high)->head.store(128);
  EXPECT_TRUE(is_refused(WordKind::ring_head, 3 * 4, 64));
}

TEST_F(TurnWordsTest, ParkingIsItsOwnAndGoesForward) {
  auto* header = reinterpret_cast<RingHeader*>(segment_.parking(1).data());
  header->tail.store(128);
  header->head.store(64);
  EXPECT_EQ(*resolve(WordKind::parking_tail, 0, 256), &header->tail);
  EXPECT_EQ(*resolve(WordKind::parking_head, 0, 128), &header->head);
  EXPECT_TRUE(is_refused(WordKind::parking_tail, 1, 256));
  EXPECT_TRUE(is_refused(WordKind::parking_tail, 0, 120));
  EXPECT_TRUE(is_refused(WordKind::parking_tail, 0, 136 + parking_bytes(d())));
  EXPECT_TRUE(is_refused(WordKind::parking_head, 0, 56));
  EXPECT_TRUE(is_refused(WordKind::parking_head, 0, 68));
}

TEST_F(TurnWordsTest, BlocksAreItsOwnAndGoForward) {
  auto* header = reinterpret_cast<ArenaHeader*>(segment_.blocks(2).data());
  const std::uint64_t capacity = segment_.blocks(2).size() - sizeof(ArenaHeader);
  header->tail.store(128);
  EXPECT_EQ(*resolve(WordKind::block_tail, 0, 128), &header->tail);
  EXPECT_EQ(*resolve(WordKind::block_tail, 0, 128 + 2 * capacity), &header->tail);
  EXPECT_TRUE(is_refused(WordKind::block_tail, 1, 256));
  EXPECT_TRUE(is_refused(WordKind::block_tail, 0, 64));
  EXPECT_TRUE(is_refused(WordKind::block_tail, 0, 136));
  EXPECT_TRUE(is_refused(WordKind::block_tail, 0, 192 + 2 * capacity));
}

TEST_F(TurnWordsTest, CursorsAreItsOwnInEveryLog) {
  auto* cursors = reinterpret_cast<LogCursor*>(segment_.log(3).data() + sizeof(LogHeader));
  cursors[2].position.store(0);
  EXPECT_EQ(*resolve(WordKind::cursor_position, 3, 64), &cursors[2].position);
  EXPECT_EQ(*resolve(WordKind::cursor_slot, 3, 5), &cursors[2].next_slot);
  EXPECT_EQ(*resolve(WordKind::cursor_sequence, 3, 5), &cursors[2].sequence);
  EXPECT_TRUE(is_refused(WordKind::cursor_position, segment_.endpoints(), 64));
  EXPECT_TRUE(is_refused(WordKind::cursor_position, 3, d().log_bytes + 8));
  EXPECT_TRUE(is_refused(WordKind::cursor_slot, 3, d().agents_per_shard + 1));
  EXPECT_TRUE(is_refused(WordKind::cursor_slot, 99, 0));
}

TEST_F(TurnWordsTest, SpansGoForwardByNoMoreThanATurnLeaves) {
  Word& tail = span_tail(segment_.spans(2));
  tail.store(700);
  EXPECT_EQ(*resolve(WordKind::span_tail, 0, 700), &tail);
  EXPECT_EQ(*resolve(WordKind::span_tail, 0, 703), &tail);
  EXPECT_EQ(*resolve(WordKind::span_tail, 0, 700 + kMostSpansOfTurn), &tail);
  EXPECT_TRUE(is_refused(WordKind::span_tail, 0, 699));
  EXPECT_TRUE(is_refused(WordKind::span_tail, 0, 701 + kMostSpansOfTurn));
  EXPECT_TRUE(is_refused(WordKind::span_tail, 1, 701));
}

TEST_F(TurnWordsTest, UnknownKindsAreRefused) {
  EXPECT_TRUE(is_refused(static_cast<WordKind>(0), 0, 0));
  for (auto kind = static_cast<unsigned>(WordKind::block_tail) + 1; kind < 256; ++kind) {
    EXPECT_TRUE(is_refused(static_cast<WordKind>(kind), 0, 0)) << kind;
  }
}

TEST_F(TurnWordsTest, AnyEntryResolvesIntoTheSegmentOrIsRefused) {
  std::mt19937_64 random{42};
  const auto* first = segment_.bytes().data();
  const auto* end = first + segment_.bytes().size();
  int resolved = 0;
  for (int i = 0; i < 300'000; ++i) {
    const std::uint64_t index = random() >> (random() % 64);
    const std::uint64_t value = random() >> (random() % 64);
    const Result<Word*> word = resolve(static_cast<WordKind>(random() % 22), index, value);
    if (!word) continue;
    ++resolved;
    const auto* at = reinterpret_cast<const std::byte*>(*word);
    ASSERT_GE(at, first);
    ASSERT_LE(at + sizeof(Word), end);
  }
  EXPECT_GT(resolved, 100);
}

TEST_F(TurnWordsTest, TheEpochIsTheSegments) {
  words_.bump_epoch();
  words_.bump_epoch();
  EXPECT_EQ(segment_.header().subscription_epoch.load(), 2U);
}

}  // namespace
}  // namespace mabeam::shm

// Verify: the shards' turns: witness, numbers, the list that is or was last committed, the record.
#include "shm/snapshots.hpp"
#include "shm/turn_words.hpp"
#include "shm/verify_pass.hpp"

#include <memory>
#include <numeric>

namespace mabeam::shm {
namespace {

/// Where a shard's turns stood when its list was copied.
struct Numbers {
  std::uint64_t applied = 0;
  std::uint64_t committed = 0;
  friend bool operator==(const Numbers&, const Numbers&) = default;
};

// Applied first: it never passes committed, so what is read after it may only be ahead of it.
Numbers numbers_of(const TurnRegion& turn) {
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t applied = turn.applied.load(std::memory_order_acquire);
  return {applied, turn.committed.load(std::memory_order_acquire)};
}

class ShardTurn {
 public:
  ShardTurn(VerifyPass& pass, std::uint32_t shard)
      : pass_(pass),
        shard_(shard),
        turn_(pass.segment().turn(shard)) {}

  void verify() {
    verify_numbers();
    verify_list();
    verify_witness(turn_.witness.load(std::memory_order_acquire));
    verify_owner(Incarnation{turn_.owner.load(std::memory_order_acquire)});
    verify_record(snapshot_record(turn_));
  }

 private:
  void expect(bool holds, std::string_view rule, std::uint64_t value) {
    pass_.expect(
        holds, [&] { return "shard " + std::to_string(shard_) + ", turn"; }, rule, value);
  }

  void verify_numbers() {
    // On a live shard turns may pass between the two loads, never so many that one is seen behind.
    const Numbers numbers = numbers_of(turn_);
    const bool is_still = numbers_of(turn_) == numbers;
    const bool is_behind = numbers.committed < numbers.applied;
    const bool is_far = is_still && numbers.committed - numbers.applied > 1;
    expect(!is_behind && !is_far, "committed is neither applied nor one ahead of it",
           numbers.committed);
  }

  // The list of the last committed turn is whole until the next one is applied (turn.hpp, 5), so it
  // can be checked long after. It is copied first: its count bounds a loop.
  void verify_list() {
    const Numbers before = numbers_of(turn_);
    const auto list = std::make_unique<RedoList>(turn_.lists[before.committed & 1U]);
    if (numbers_of(turn_) != before) return;  // turns have passed
    expect(list->turn == before.committed, "its list is of another turn", list->turn);
    expect(list->reserved == 0, "a reserved field of its list is set", list->reserved);
    expect(list->bumps_epoch <= 1, "its list's epoch flag is neither 0 nor 1", list->bumps_epoch);
    expect(list->count <= kRedoEntries, "its list is longer than its room", list->count);
    if (list->count > kRedoEntries) return;
    expect(list->checksum == checksum_of(*list, list->count), "its list fails its checksum",
           list->checksum);
    verify_entries(*list, before);
  }

  void verify_entries(const RedoList& list, const Numbers& numbers) {
    if (numbers.committed != numbers.applied + 1) return;
    const SegmentWords words{pass_.segment(), shard_};
    for (std::uint32_t i = 0; i < list.count; ++i) {
      const bool is_word = words.resolve(list.entries[i]).has_value();
      // Only while the turn is half applied may its words not have moved on.
      if (!is_word && numbers_of(turn_) != numbers) return;
      expect(is_word, "an entry of its list may not be stored", i);
    }
  }

  void verify_witness(std::uint64_t word) {
    const auto what = static_cast<std::uint64_t>(Witness::what(word));
    const std::uint64_t endpoint = word >> 53U & 0xFFU;
    const std::uint64_t priority = word >> 51U & 3U;
    const bool is_possible = what != 0 && what <= static_cast<std::uint64_t>(Witness::kLast) &&
                             endpoint < pass_.segment().endpoints() && priority < kPriorities;
    expect(word == 0 || is_possible, "its witness names nothing that can run", word);
  }

  void verify_owner(Incarnation owner) {
    expect(!owner || owner.worker() < kMaxWorkers, "its owner is no incarnation", owner.value);
  }

  void verify_record(const ShardRecord& record) {
    const Incarnation blamed{record.blamed_incarnation};
    expect(!blamed || blamed.worker() < kMaxWorkers, "it blames no incarnation", blamed.value);
    expect(record.reserved == 0, "a reserved field of its record is set", record.reserved);
    const std::uint64_t buried =
        std::accumulate(record.buried_for.begin(), record.buried_for.end(), std::uint64_t{0});
    expect(buried == record.dead_lettered, "its dead letters by reason are not all of them",
           record.dead_lettered);
    expect(record.letters_replayed + record.letters_dropped <= record.dead_lettered,
           "it has settled more dead letters than there were", record.letters_replayed);
    expect(record.agents_live <= record.agents_created, "it counts more agents than it has made",
           record.agents_live);
  }

  VerifyPass& pass_;
  std::uint32_t shard_;
  const TurnRegion& turn_;
};

}  // namespace

void verify_turns(VerifyPass& pass) {
  for (std::uint32_t shard = 0; shard < pass.segment().dimensions().shards; ++shard) {
    ShardTurn{pass, shard}.verify();
  }
  pass.count_bytes(pass.segment().layout()[Region::turns].bytes);
}

}  // namespace mabeam::shm

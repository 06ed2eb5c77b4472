// Turn: all effects of a batch of messages become visible by one store. The heart of mabeam.
//
// A shard prepares everything out of sight: states in their idle halves, messages beyond the
// published tails, agents in free slots. What would make it visible is a list of 64-bit words and
// their new values, the redo list. One store commits the list; then its words are stored.
//
// Layout of one shard's region
//
//      0 +----------------------------------------------------------------+
//        | witness: u64      what is running now, 0: nothing    by: owner |
//        | owner: u64        which incarnation that is          by: owner |
//    128 +----------------------------------------------------------------+
//        | committed: u64    number of the last committed turn  by: owner |
//    256 +----------------------------------------------------------------+
//        | applied: u64      number of the last applied turn    by: owner |
//    384 +----------------------------------------------------------------+
//        | record version, then the shard's own record: two halves        |
//        +----------------------------------------------------------------+
//        | redo list of even turns: turn, counts, checksum, entries       |
//        +----------------------------------------------------------------+
//        | redo list of odd turns                                         |
//        +----------------------------------------------------------------+
//
//      one entry:   63     56 55                            0
//                   +--------+------------------------------+------------------------------+
//                   |  kind  |            index             |            value             |
//                   +--------+------------------------------+------------------------------+
//
// Invariants
//   (1) applied <= committed <= applied + 1.
//   (2) Only words that this shard alone writes are in a list; each at most once.
//   (3) committed == applied + 1: list[committed & 1] is whole, and storing its words again, any
//       number of times and from any point on, gives the same segment.
//   (4) committed == applied: every byte beyond the published words is garbage, and nothing refers
//       to it.
//   (5) List N is not touched before N + 1 has been applied: the other one is, by turn N + 1.
//   (6) Words are stored in the order of the list: what a message mentions is visible before the
//       message, and input is given back last. Stages: structure, epoch, tails, positions read.
//
// Ordering
//   COMMIT  `committed` (release) after the list -> recovery loads it (acquire) before the list.
//   APPLY   every word (release) -> whoever reads that word (acquire): what it makes visible.
//   BEGIN   a release fence before a turn's first write: the writes of turn N + 1 into idle halves
//           are not seen before the words of turn N (pitfall 7.1). Free on x86.
//
// After Aeron's and LMAX's single-writer rule and ARIES's redo-only logging, cut down to one word.
#pragma once

#include "shm/assert.hpp"
#include "shm/words.hpp"

#include "mabeam/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace mabeam::shm {

/// What an entry names. The order is the order of applying; what was added at the end later says
/// its place itself.
enum class WordKind : std::uint8_t {
  agent_version = 1,  // index: slot
  agent_slot,         // index: slot
  name,               // index: entry
  subscription,       // index: entry
  timer,              // index: record
  timer_due,          // index: record
  shard_record,       // index: 0
  log_sequence,       // index: 0
  log_tail,           // index: 0
  dead_sequence,      // index: 0
  dead_tail,          // index: 0
  ring_tail,          // index: target endpoint * 4 + priority
  parking_tail,       // index: 0
  cursor_sequence,    // index: log's endpoint
  cursor_slot,        // index: log's endpoint
  cursor_position,    // index: log's endpoint
  ring_head,          // index: source endpoint * 4 + priority
  parking_head,       // index: 0
  agent_metadata,     // index: slot; structure: behind the subscriptions
  span_tail,          // index: 0; behind the tails of the logs
  block_tail,         // index: 0; before logs and rings
};

/// Where structure ends and the epoch is bumped.
constexpr bool is_structure(WordKind kind) {
  return kind <= WordKind::shard_record || kind == WordKind::agent_metadata;
}

struct RedoEntry {
  std::uint64_t key;
  std::uint64_t value;

  static constexpr std::uint64_t make_key(WordKind kind, std::uint64_t index) {
    return std::uint64_t{static_cast<std::uint8_t>(kind)} << 56U | index;
  }

  [[nodiscard]] constexpr WordKind kind() const { return static_cast<WordKind>(key >> 56U); }

  [[nodiscard]] constexpr std::uint64_t index() const {
    return key & ((std::uint64_t{1} << 56U) - 1);
  }
};

static_assert(sizeof(RedoEntry) == 16);

/// The largest turn: 1024 messages, each on an agent of its own, one of them the end of 64, 512
/// words of structure, 183 of timers (worker/timers.hpp), a tail and a head for every ring, a
/// cursor of three words in every log, and 8 words of the shard's own.
inline constexpr std::size_t kRedoEntries = 4096;
static_assert(1024 + 63 + 512 + 183 + 3 * 3 * kMaxEndpoints + 8 <= kRedoEntries);

struct RedoList {
  std::uint64_t turn;
  std::uint32_t count;
  std::uint32_t bumps_epoch;  ///< 1: a subscription changed
  std::uint64_t checksum;     ///< over all of the above and the entries
  std::uint64_t reserved;
  std::array<RedoEntry, kRedoEntries> entries;
};

static_assert(offsetof(RedoList, entries) == 32);

/// More reasons than messages die for (DeadReason).
inline constexpr std::size_t kMaxReasons = 14;

/// The shard is its own first agent: its counters and the attempts at a message that killed.
struct ShardRecord {
  std::uint64_t next_message_id;
  std::uint64_t sent, delivered, redelivered, refused, expired, dead_lettered;
  std::uint64_t events_published, events_delivered, events_missed;
  std::uint64_t agents_live, agents_created, agents_stopped;
  std::uint64_t blamed_witness;      ///< what was running when an owner died by itself
  std::uint64_t blamed_incarnation;  ///< the last owner whose death was counted
  std::uint32_t blamed_count;        ///< deaths in a row with that witness
  std::uint32_t reserved;
  std::array<std::uint64_t, kMaxReasons> buried_for;  ///< by DeadReason; together: dead_lettered
  std::uint64_t letters_replayed, letters_dropped;    ///< of those
};

static_assert(sizeof(ShardRecord) == 256);

struct TurnRegion {
  alignas(kLinePair) Word witness;
  Word owner;  ///< Incarnation
  alignas(kLinePair) Word committed;
  alignas(kLinePair) Word applied;
  alignas(kLinePair) Word record_version;
  alignas(kLinePair) std::array<ShardRecord, 2> record;
  alignas(kLinePair) std::array<RedoList, 2> lists;
};

static_assert(offsetof(TurnRegion, committed) == 128 && offsetof(TurnRegion, applied) == 256);
static_assert(offsetof(TurnRegion, record) == 512 && offsetof(TurnRegion, lists) == 1024);

/// What runs, in one word, so it is never seen half written. Names the message (source endpoint,
/// priority, position in its ring), the event (log, position, agent slot), the timer (own endpoint,
/// 8 * index of its record, and its serial for a slot), what was parked (position, agent slot), the
/// upgrade of a state (agent slot), which no message is to blame for, the agent that is begun anew
/// (own endpoint, agent slot, 8 * its generation), or the end of those whose parents have ended on
/// other shards (own endpoint).
///
///      63    61 60       53 52  51 50                27 26                      0
///      +-------+-----------+------+--------------------+------------------------+
///      | what  |  endpoint | prio |     agent slot     |      position / 8      |
///      +-------+-----------+------+--------------------+------------------------+
///
/// The position's low 27 bits tell records apart within 1 GiB, which no turn passes.
struct Witness {
  enum class What : std::uint8_t {
    nothing = 0,
    message,
    event,
    timer,
    parked,
    upgrade,
    start,
    end
  };

  static constexpr std::uint64_t pack(What what, std::uint32_t endpoint, std::uint32_t priority,
                                      std::uint32_t slot, std::uint64_t position) {
    return std::uint64_t{static_cast<std::uint8_t>(what)} << 61U | std::uint64_t{endpoint} << 53U |
           std::uint64_t{priority} << 51U | std::uint64_t{slot & 0xFFFFFFU} << 27U |
           (position / 8 & 0x7FFFFFFU);
  }

  static constexpr What kLast = What::end;

  static constexpr What what(std::uint64_t word) { return static_cast<What>(word >> 61U); }
};

/// Resolves an entry to its word, for recovery, where nothing is trusted: the kind, the index, and
/// that the value is one which this word may take next. Implemented over the segment.
class TurnWords {
 public:
  virtual ~TurnWords() = default;
  /// Errors: corrupt.
  [[nodiscard]] virtual Result<Word*> resolve(const RedoEntry& entry) const = 0;
  virtual void bump_epoch() const = 0;
};

/// One shard's turns, in the hands of its owner.
class Turn {
 public:
  Turn() = default;

  explicit Turn(TurnRegion& region)
      : region_(&region),
        staged_(std::make_unique<Staged[]>(kRedoEntries)) {}

  /// What an owner that takes over does first: a committed turn is applied. Returns whether there
  /// was one. Errors: corrupt (the list fails its check: the shard must be parked, loudly).
  Result<bool> recover(const TurnWords& words);

  /// BEGIN. Nothing of the turn may have been written before this.
  void begin() noexcept {
    std::atomic_thread_fence(std::memory_order_release);
    count_ = 0;
    bumps_epoch_ = false;
    list_ = &region_->lists[number() & 1U];
  }

  /// Puts a word on the list. In the order of WordKind; each word once.
  void stage(WordKind kind, std::uint64_t index, Word& word, std::uint64_t value) {
    MABEAM_ASSERT(count_ < kRedoEntries);
    list_->entries[count_] = {RedoEntry::make_key(kind, index), value};
    staged_[count_++] = {&word, value, kind};
  }

  void bump_epoch() noexcept { bumps_epoch_ = true; }

  /// COMMIT, then APPLY. Every word that was staged has its value when this returns.
  void commit(const TurnWords& words) noexcept;

  /// Notes what is about to run, in case it kills the process.
  void set_witness(std::uint64_t witness) noexcept {
    region_->witness.store(witness, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  void clear_witness() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    region_->witness.store(0, std::memory_order_relaxed);
  }

  /// The shard's record as the last turn left it, and the place for the next one.
  [[nodiscard]] const ShardRecord& record() const noexcept {
    return region_->record[region_->record_version.load(std::memory_order_relaxed) & 1U];
  }

  /// Stages a new record: this turn's last structure word.
  void stage_record(const ShardRecord& record) {
    const std::uint64_t version = region_->record_version.load(std::memory_order_relaxed) + 1;
    region_->record[version & 1U] = record;
    stage(WordKind::shard_record, 0, region_->record_version, version);
  }

  [[nodiscard]] std::uint64_t number() const noexcept {
    return region_->applied.load(std::memory_order_relaxed) + 1;
  }

  [[nodiscard]] TurnRegion& region() const noexcept { return *region_; }

 private:
  struct Staged {
    Word* word;
    std::uint64_t value;
    WordKind kind;
  };

  void seal(std::uint64_t number) const noexcept;
  void apply(const TurnWords& words) noexcept;

  TurnRegion* region_ = nullptr;
  RedoList* list_ = nullptr;          // of this turn
  std::unique_ptr<Staged[]> staged_;  // the same words, out of everybody's reach
  std::uint32_t count_ = 0;
  bool bumps_epoch_ = false;
};

/// The checksum of a list's first `count` entries, up to kRedoEntries. Every entry is mixed on its
/// own, so one flipped bit always shows.
std::uint64_t checksum_of(const RedoList& list, std::uint32_t count) noexcept;

}  // namespace mabeam::shm

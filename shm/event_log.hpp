// EventLog: a broadcast ring in shared memory; one process writes, many read, each at its own pace.
// Its past is the event history. The dead letters are such a log, too, with no readers to wait for.
//
// Layout of one log (offsets in bytes from the log's start, 128-byte aligned)
//
//      0 +----------------------------------------------------------------+
//        | tail: u64     bytes ever published            written by: W    |
//        | sequence: u64 number of the next event        written by: W    |
//        | high_water: u64  most that a reader held back written by: W    |
//    128 +----------------------------------------------------------------+
//        | oldest: u64   where the oldest whole record starts     by: W   |
//    256 +----------------------------------------------------------------+
//        | capacity: u64 (power of two)   magic: u64     written once     |
//    384 +----------------------------------------------------------------+
//        | evicted[256]: u64   evictions of reader r     written by: W    |
//   2432 +----------------------------------------------------------------+
//        | cursor[readers], 128 bytes each               written by: Rr   |
//        |   position: u64     where r reads next; kNotReading: it does not
//        |   next_slot: u64    the agent to serve next of the event there |
//        |   sequence: u64     number of the event expected there         |
//        |   acknowledged: u64 the evictions that r has seen              |
//        +----------------------------------------------------------------+
//        | records ...   as in a ring (spsc_ring.hpp)    written by: W    |
//        +----------------------------------------------------------------+
//
// Invariants
//   (1) oldest <= tail; [oldest, tail) are whole records, tail - oldest <= capacity.
//   (2) Before a byte below oldest + capacity's end is overwritten, oldest has been moved past it:
//       an observer that finds its position still at or above oldest after copying has whole bytes.
//   (3) The writer overwrites nothing at or behind the position of a reader that is not evicted.
//   (4) A block that a record at or behind oldest names has not been overwritten (blocks.hpp):
//   oldest
//       is moved past such a record, too, before its block is.
//   (5) A reader is evicted by the writer alone, dead or alive: evicted[r] != acknowledged[r].
//
// Ordering
//   PUBLISH  writer stores tail (release)        -> reader loads tail (acquire): the records'
//   bytes. RECLAIM  reader stores position (release)    -> writer loads it (acquire): the space's
//   reuse. INTENT   writer exchanges oldest (acq_rel) before it overwrites -> observer copies, then
//   fences
//            (acquire), then loads oldest: stale bytes are never taken for good (pitfall 3.1).
//   JOIN     reader stores position, FENCE, loads tail and begins there. The writer's cached limit
//            was computed before the join from a tail that is not larger, so it is safe (3.4).
#pragma once

#include "shm/blocks.hpp"
#include "shm/layout.hpp"
#include "shm/spsc_ring.hpp"

#include "mabeam/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mabeam::shm {

struct LogHeader {
  alignas(kLinePair) Word tail;
  Word sequence;
  Word high_water;  ///< of the moments in which the writer looked at its readers' positions
  alignas(kLinePair) Word oldest;
  alignas(kLinePair) std::uint64_t capacity;
  std::uint64_t magic;
  alignas(kLinePair) std::array<Word, kMaxEndpoints> evicted;
};

static_assert(offsetof(LogHeader, oldest) == 128 && offsetof(LogHeader, capacity) == 256);
static_assert(offsetof(LogHeader, evicted) == 384 && sizeof(LogHeader) == 2432);

struct LogCursor {
  alignas(kLinePair) Word position;
  Word next_slot;
  Word sequence;
  Word acknowledged;
};

static_assert(sizeof(LogCursor) == kLinePair);

inline constexpr std::uint64_t kLogMagic = 0x474F4C544E455645;  // "EVENTLOG"
inline constexpr std::uint64_t kNotReading = ~std::uint64_t{0};

constexpr std::uint64_t log_bytes_for(std::uint32_t readers, std::uint64_t capacity) {
  return sizeof(LogHeader) + readers * sizeof(LogCursor) + capacity;
}

/// Where the parts of one log are. Checked once, then trusted.
struct LogParts {
  LogHeader* header = nullptr;
  LogCursor* cursors = nullptr;
  std::byte* data = nullptr;
  std::uint32_t readers = 0;
  std::uint64_t mask = 0;
};

/// Writes the header of a log in zeroed memory.
void create_log(std::span<std::byte> log, std::uint32_t readers);

/// Errors: corrupt (magic, capacity or positions fail their checks).
Result<LogParts> check_log(std::span<std::byte> log, std::uint32_t readers);

/// Reads the record at `position`, which must be in [oldest, tail]. False at the tail. The bytes
/// may be overwritten meanwhile: an observer asks is_whole() after it has copied them.
/// Errors: corrupt.
Result<bool> read_log_record(const LogParts& log, std::uint64_t position, std::uint64_t tail,
                             Record& record) noexcept;

/// The writing end. One at a time per log.
class EventLogWriter {
 public:
  /// Takes over at the published tail. A history that does not parse is given up: oldest = tail.
  /// Errors: corrupt.
  static Result<EventLogWriter> open(std::span<std::byte> log, std::uint32_t readers);

  /// Reserves `length` bytes, invisible until the tail is stored.
  /// Errors: message_too_large, backpressure (a reader holds the log; see slowest_reader()).
  Result<std::span<std::byte>> claim(std::uint32_t length, std::uint16_t kind,
                                     std::uint16_t flags = 0) noexcept;

  void publish() noexcept {
    log_.header->sequence.store(sequence_, std::memory_order_relaxed);
    log_.header->tail.store(claimed_, std::memory_order_release);  // PUBLISH
    settle();
  }

  void rewind(std::uint64_t position, std::uint64_t sequence) noexcept {
    claimed_ = position;
    sequence_ = sequence;
  }

  void settle() noexcept { published_ = claimed_; }

  [[nodiscard]] std::uint64_t claimed() const noexcept { return claimed_; }

  [[nodiscard]] std::uint64_t published() const noexcept { return published_; }

  /// The number that the next claimed record gets.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

  [[nodiscard]] std::uint32_t max_body() const noexcept {
    return static_cast<std::uint32_t>((log_.mask + 1) / 4 - sizeof(RecordHeader));
  }

  [[nodiscard]] std::uint64_t capacity() const noexcept { return log_.mask + 1; }

  /// True if any reader has the log more than half full, as far as the cached limit knows.
  [[nodiscard]] bool is_half_full() const noexcept {
    return claimed_ + capacity() / 2 > limit_ && limit_ != kNotReading;
  }

  /// Calls visit(reader, position) for every reader that is not evicted.
  template <class Visit>
  void for_each_reader(Visit&& visit) const {
    for (std::uint32_t reader = 0; reader < log_.readers; ++reader) {
      const std::uint64_t position = position_of(reader);
      if (position != kNotReading) visit(reader, position);
    }
  }

  /// The reader whose position is lowest, or kNobody.
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t slowest_reader() const noexcept;

  /// Stops waiting for a reader: it is told by its gap in the sequence what it missed.
  void evict(std::uint32_t reader) noexcept;

  /// True until that reader has come back by itself.
  [[nodiscard]] bool is_evicted(std::uint32_t reader) const noexcept {
    return log_.header->evicted[reader].load(std::memory_order_relaxed) !=
           log_.cursors[reader].acknowledged.load(std::memory_order_acquire);
  }

  /// True until a reader that was evicted has come back or left.
  [[nodiscard]] bool is_missing(std::uint32_t reader) const noexcept {
    return is_evicted(reader) &&
           log_.cursors[reader].position.load(std::memory_order_acquire) != kNotReading;
  }

  /// Loads every reader's position again; true if `length` bytes would fit now.
  bool has_room(std::uint32_t length) noexcept { return has_room_for(record_bytes(length)); }

  /// True if events of that many bytes together would fit now, wherever the buffer ends between
  /// them; of more than ever fit for sure, if every reader is at the tail.
  bool has_room_for(std::uint64_t bytes) noexcept;

  /// True if no reader that is not evicted waits for anything in front of `position`.
  [[nodiscard]] bool is_passed(std::uint64_t position) const noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // JOIN
    return lowest_position() >= position;
  }

  /// Gives up the past in front of `position`, where a published record ends: its block is about to
  /// be overwritten.
  void give_way(std::uint64_t position) noexcept {
    if (position <= oldest_) return;
    oldest_ = position;
    log_.header->oldest.exchange(oldest_, std::memory_order_acq_rel);  // INTENT
  }

  /// The lowest position of a reader that is not evicted; the tail if there is none.
  [[nodiscard]] std::uint64_t lowest_position() const noexcept;

 private:
  [[nodiscard]] std::uint64_t position_of(std::uint32_t reader) const noexcept;
  void rescan() noexcept;
  void move_oldest(std::uint64_t end) noexcept;
  void walk_history() noexcept;

  LogParts log_;
  std::uint64_t claimed_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t oldest_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t limit_ = 0;  // claims may end here; kNotReading when there is no reader
};

/// One reader's end, with a cursor that holds the writer back. The owner is a shard, which commits
/// its three words in its turns, or a client, which stores them with release().
class EventLogReader {
 public:
  /// Errors: corrupt.
  static Result<EventLogReader> open(std::span<std::byte> log, std::uint32_t readers,
                                     std::uint32_t reader);

  [[nodiscard]] bool is_joined() const noexcept { return position_ != kNotReading; }

  /// Takes a cursor at the tail: JOIN. Not inside a turn.
  void join() noexcept;
  /// Gives the cursor up, so the writer no longer waits.
  void leave() noexcept;

  /// True if the writer has evicted this reader; rejoin() then goes on at the tail.
  [[nodiscard]] bool is_evicted() const noexcept {
    return log_.header->evicted[reader_].load(std::memory_order_acquire) != acknowledged_;
  }

  /// Goes on at the tail. Returns how many events were missed, by the number at the tail: that may
  /// belong to the next tail already, and then the next event puts it right (missed_before()).
  std::uint64_t rejoin() noexcept;

  /// How many events were missed before the one of that number; below 0 if rejoin() counted some
  /// that came after all.
  [[nodiscard]] std::int64_t missed_before(std::uint64_t sequence) const noexcept {
    if (sequence_ == kNotReading || sequence == kNotReading) return 0;
    if (sequence >= sequence_) return static_cast<std::int64_t>(sequence - sequence_);
    const std::uint64_t surplus = sequence_ - sequence;
    return surplus <= counted_ ? -static_cast<std::int64_t>(surplus) : 0;
  }

  [[nodiscard]] bool has_more() noexcept {
    if (position_ != tail_cached_) return true;
    tail_cached_ = log_.header->tail.load(std::memory_order_acquire);  // PUBLISH
    return position_ != tail_cached_;
  }

  /// The event at the private position. False at the tail. Errors: corrupt.
  Result<bool> peek(Record& record) noexcept;

  /// Goes on behind an event, or to its next agent slot. Private until committed.
  void advance(std::uint64_t position, std::uint64_t sequence) noexcept {
    position_ = position;
    sequence_ = sequence;
    next_slot_ = 0;
    counted_ = 0;
  }

  void serve_next(std::uint64_t slot) noexcept { next_slot_ = slot; }

  /// What a turn that forgot its effects does: back to what is published.
  void reload() noexcept;
  /// Stores the three words: for a client, which makes no turns.
  void release() noexcept;
  /// Gives up everything up to the tail: for a log whose bytes are corrupt. Returns the bytes.
  std::uint64_t skip_all() noexcept;

  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

  [[nodiscard]] std::uint64_t next_slot() const noexcept { return next_slot_; }

  /// The words that a shard puts on its redo list.
  [[nodiscard]] LogCursor& cursor() const noexcept { return log_.cursors[reader_]; }

  /// kNotReading until the first event after a join without a number.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

 private:
  void enter() noexcept;

  LogParts log_;
  std::uint32_t reader_ = 0;
  std::uint64_t position_ = kNotReading;
  std::uint64_t next_slot_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t tail_cached_ = 0;
  std::uint64_t counted_ = 0;  // by rejoin(), until the next event
};

/// Reads without a cursor: holds nobody back, and is told what it missed. For observers, so the log
/// may be mapped read-only.
class EventLogObserver {
 public:
  /// `arena`: the blocks of the log's writer (blocks.hpp). Errors: corrupt.
  static Result<EventLogObserver> open(std::span<const std::byte> log, std::uint32_t readers,
                                       std::span<const std::byte> arena = {});

  void start_at_tail() noexcept;
  void start_at_oldest() noexcept;

  /// True if next() would find something.
  [[nodiscard]] bool has_more() const noexcept {
    return log_.header->tail.load(std::memory_order_acquire) != position_;  // PUBLISH
  }

  /// Copies the next record's body into `copy` (resized by the callee through assign()); a payload
  /// that lies in a block follows its header there, and `header` is as if it always had.
  /// False when there is none now. Errors: corrupt (the reader goes on at the tail, or behind a
  /// record whose payload cannot be found).
  template <class Bytes>
  Result<bool> next(RecordHeader& header, Bytes& copy);

  /// Events that were overwritten before they could be read, by their sequence numbers.
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }

  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

 private:
  [[nodiscard]] bool is_whole() const noexcept;
  void count_gap(std::uint64_t sequence) noexcept;

  template <class Bytes>
  [[nodiscard]] bool copy_record(Record& record, Bytes& copy) const;

  LogParts log_;
  std::span<const std::byte> arena_;
  std::uint64_t position_ = 0;
  std::uint64_t expected_ = kNotReading;
  std::uint64_t missed_ = 0;
};

template <class Bytes>
bool EventLogObserver::copy_record(Record& record, Bytes& copy) const {
  copy.assign(record.body.begin(), record.body.end());
  if ((record.header.kind & kInBlock) == 0) [[likely]]
    return true;
  BlockHandle handle;
  if (copy.size() < sizeof handle) return false;
  std::memcpy(&handle, copy.data() + copy.size() - sizeof handle, sizeof handle);
  const auto block = find_block(arena_, handle, {kLogPath, record.end});
  if (!block) return false;
  copy.resize(copy.size() - sizeof handle);
  copy.insert(copy.end(), block->begin(), block->end());
  record.header.kind &= static_cast<std::uint16_t>(~kInBlock);
  record.header.length = static_cast<std::uint32_t>(copy.size());
  return true;
}

template <class Bytes>
Result<bool> EventLogObserver::next(RecordHeader& header, Bytes& copy) {
  for (;;) {
    const std::uint64_t tail = log_.header->tail.load(std::memory_order_acquire);  // PUBLISH
    if (!is_whole()) {
      start_at_oldest();
      continue;
    }
    Record record;
    record.position = position_;
    const Result<bool> found = read_log_record(log_, position_, tail, record);
    if (found && !*found) return false;
    const bool is_copied = found && copy_record(record, copy);
    std::atomic_thread_fence(std::memory_order_acquire);  // INTENT
    if (!is_whole()) continue;                            // overwritten while we looked
    if (!found) {
      start_at_tail();
      return fail(found.error());
    }
    header = record.header;
    position_ = record.end;
    if (copy.size() >= 32) {
      std::uint64_t sequence = 0;
      std::memcpy(&sequence, copy.data() + 24, sizeof sequence);  // MessageHeader::id
      count_gap(sequence);
    }
    if (!is_copied) return fail(Errc::corrupt);
    return true;
  }
}

}  // namespace mabeam::shm

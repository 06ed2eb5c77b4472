// SpscRing: a byte ring in shared memory; one process writes, one process reads.
//
// Layout of one ring (little-endian; offsets in bytes from the ring's start, 128-byte aligned)
//
//      0 +----------------------------------------------------------------+
//        | tail: u64     bytes ever published            written by: P    |
//        | high_water: u64  most that was seen in use    written by: P    |
//    128 +----------------------------------------------------------------+
//        | head: u64     bytes ever released             written by: C    |
//    256 +----------------------------------------------------------------+
//        | capacity: u64 (power of two)   magic: u64     written once     |
//    384 +----------------------------------------------------------------+
//        | records ...                                   written by: P    |
//        +----------------------------------------------------------------+  384 + capacity
//
// Layout of one record (starts on 8 bytes; never wraps: a pad record fills the end of the buffer)
//
//      0        4      6      8                          8 + length
//      +--------+------+------+--------------------------+--------+
//      | length | kind | flags| body                     | 0 to 7 |
//      |  u32   | u16  | u16  |                          | unused |
//      +--------+------+------+--------------------------+--------+
//
// Invariants
//   (1) head <= tail <= head + capacity. Both only grow, so they never wrap in practice: at 10 GB/s
//       a u64 lasts 58 years. Records are 8-byte aligned, so both are multiples of 8.
//   (2) Bytes in [head, tail) are whole records and belong to the consumer; all others to the
//       producer. A producer that dies between claim() and publish() leaves nothing to repair.
//   (3) The consumer trusts nothing: a record is copied to a local before it is checked, and one
//       whose length passes tail or the buffer's end is corrupt; head stops in front of it.
//
// Ordering: two pairs, no others.
//   PUBLISH  producer stores tail (release)  -> consumer loads tail (acquire): the records' bytes.
//   RECLAIM  consumer stores head (release)  -> producer loads head (acquire): the space's reuse.
//
// Each side keeps a private copy of the other's position and reloads it only when it seems to be
// out of room or out of records; an uncontended message costs no cache miss but its own lines.
// After rigtorp/SPSCQueue (cached indices) and Agrona's ManyToOneRingBuffer (records, padding).
//
// A shard does not publish() or release(): the turn stores those words when it has committed, and
// settle() tells the ring's private side. Clients and benchmarks publish and release directly.
#pragma once

#include "shm/words.hpp"

#include "mabeam/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mabeam::shm {

struct RingHeader {
  alignas(kLinePair) Word tail;
  Word high_water;  ///< of the moments in which the producer looked at head
  alignas(kLinePair) Word head;
  alignas(kLinePair) std::uint64_t capacity;
  std::uint64_t magic;
};

static_assert(offsetof(RingHeader, head) == 128 && offsetof(RingHeader, capacity) == 256);
static_assert(sizeof(RingHeader) == 384);

struct RecordHeader {
  std::uint32_t length;  ///< of the body, without this header and the alignment behind it
  std::uint16_t kind;
  std::uint16_t flags;
};

static_assert(sizeof(RecordHeader) == 8);

inline constexpr std::uint64_t kRingMagic = 0x474E495253505343;  // "CSPSRING"
inline constexpr std::uint16_t kPadKind = 0;  ///< fills the end of a buffer; never handed out

/// How far ahead of either end lines are fetched. Where messages are handled one by one, the
/// processor itself looks too little ahead.
inline constexpr std::uint64_t kFetchAhead = 16 * kLine;

constexpr std::uint64_t record_bytes(std::uint64_t length) {
  return align_up(sizeof(RecordHeader) + length, 8);
}

/// The largest record of a ring or a log, header and all.
constexpr std::uint64_t max_record_bytes(std::uint64_t capacity) {
  return capacity / 4;
}

/// A record as its reader sees it. `bytes` is shared memory: copy before checking what is in it.
struct Record {
  RecordHeader header{};
  std::span<const std::byte> body;
  std::uint64_t position = 0;  ///< where it starts
  std::uint64_t end = 0;       ///< where the next one starts
};

/// Writes the header of a ring in zeroed memory; `ring` is sizeof(RingHeader) + capacity bytes.
void create_ring(std::span<std::byte> ring);

/// The writing end. One at a time per ring, which the endpoint's owner guarantees.
/// Thread-compatible: no two calls at once.
class RingProducer {
 public:
  /// Takes over at the published position, after a first start and after a crash alike.
  /// Errors: corrupt (the header's magic, capacity or positions fail their checks).
  static Result<RingProducer> open(std::span<std::byte> ring);

  /// Reserves `length` bytes for writing in place; invisible to the consumer until publish().
  /// Several claims may precede one publish: that is a batch.
  /// Errors: message_too_large (over max_body()), backpressure.
  Result<std::span<std::byte>> claim(std::uint32_t length, std::uint16_t kind,
                                     std::uint16_t flags = 0) noexcept {
    std::byte* at = try_claim(length, kind, flags);
    if (at == nullptr) [[unlikely]]
      return claim_slowly(length, kind, flags);
    return std::span<std::byte>{at, length};
  }

  /// claim() for the hot path: null where claim() would do more or fail.
  std::byte* try_claim(std::uint32_t length, std::uint16_t kind, std::uint16_t flags) noexcept {
    const std::uint64_t need = record_bytes(length);
    const std::uint64_t to_end = mask_ + 1 - (claimed_ & mask_);
    if (length > max_body() || need > to_end || claimed_ + need - head_cached_ > mask_ + 1)
        [[unlikely]] {
      return nullptr;
    }
    return write_header(length, kind, flags, need);
  }

  /// Makes every claim since the last publish() visible, in order, with one release store.
  void publish() noexcept {
    header_->tail.store(claimed_, std::memory_order_release);  // PUBLISH
    published_ = claimed_;
  }

  /// Forgets every claim since the last publish().
  void discard() noexcept { claimed_ = published_; }

  /// Forgets the claims behind `position`, one that claimed() returned since the last publish().
  void rewind(std::uint64_t position) noexcept { claimed_ = position; }

  /// The word that publishes: what a turn puts on its redo list.
  [[nodiscard]] Word& tail_word() const noexcept { return header_->tail; }

  /// Tells that somebody has stored claimed() into the tail: a turn that has been applied.
  void settle() noexcept { published_ = claimed_; }

  [[nodiscard]] std::uint64_t claimed() const noexcept { return claimed_; }

  [[nodiscard]] std::uint64_t published() const noexcept { return published_; }

  [[nodiscard]] std::uint64_t capacity() const noexcept { return mask_ + 1; }

  [[nodiscard]] std::uint32_t max_body() const noexcept {
    return static_cast<std::uint32_t>(capacity() / 4 - sizeof(RecordHeader));
  }

  /// True if a record of that many body bytes would fit now. Reloads the consumer's position.
  bool has_room(std::uint32_t length) noexcept { return has_room_for(record_bytes(length)); }

  /// True if records of that many bytes together would fit now, wherever the buffer ends between
  /// them; of more than ever fit for sure, if the ring is empty.
  bool has_room_for(std::uint64_t bytes) noexcept;
  /// Bytes between the consumer's position and the last claim. Reloads the consumer's position.
  std::uint64_t used() noexcept;

 private:
  std::byte* write_header(std::uint32_t length, std::uint16_t kind, std::uint16_t flags,
                          std::uint64_t need) noexcept {
    std::byte* at = data_ + (claimed_ & mask_);
    const RecordHeader record{length, kind, flags};
    std::memcpy(at, &record, sizeof record);
    claimed_ += need;
    fetch_ahead();
    return at + sizeof record;
  }

  /// Never a line that the consumer may still have to read.
  void fetch_ahead() noexcept {
    if (fetched_ < claimed_) fetched_ = align_up(claimed_, kLine);
    const std::uint64_t until = std::min(head_cached_ + mask_ + 1, claimed_ + kFetchAhead);
    for (; fetched_ + kLine <= until; fetched_ += kLine)
      prefetch_for_write(data_ + (fetched_ & mask_));
  }

  Result<std::span<std::byte>> claim_slowly(std::uint32_t length, std::uint16_t kind,
                                            std::uint16_t flags) noexcept;
  void reload_head() noexcept;

  RingHeader* header_ = nullptr;
  std::byte* data_ = nullptr;
  std::uint64_t mask_ = 0;
  std::uint64_t claimed_ = 0;      // tail plus what is claimed; private to this process
  std::uint64_t published_ = 0;    // what tail holds
  std::uint64_t head_cached_ = 0;  // last head seen; never ahead of the real one
  std::uint64_t fetched_ = 0;      // where the next line to fetch begins
};

/// The reading end. Thread-compatible, one at a time per ring.
class RingConsumer {
 public:
  /// Errors: corrupt (the header's magic or capacity). Positions that cannot be are found by
  /// look().
  static Result<RingConsumer> open(std::span<std::byte> ring);

  enum class Look : std::uint8_t { empty, found, corrupt };

  /// The record at the private position, if there is one: nothing is released. `record.end` is
  /// where advance() goes on.
  Look look(Record& record) noexcept {
    if (position_ == tail_cached_ && !refresh()) return Look::empty;
    const std::uint64_t offset = position_ & mask_;
    const std::byte* at = data_ + offset;
    std::memcpy(&record.header, at, sizeof record.header);
    const std::uint64_t size = record_bytes(record.header.length);
    const std::uint64_t unread = tail_cached_ - position_;
    fetch_ahead();
    if (record.header.kind == kPadKind || size > unread || unread > mask_ + 1 ||
        size > mask_ + 1 - offset) [[unlikely]] {
      return look_slowly(record);
    }
    record.position = position_;
    record.end = position_ + size;
    record.body = {at + sizeof record.header, record.header.length};
    return Look::found;
  }

  /// look(), for callers off the hot path: false when the ring is empty. Errors: corrupt.
  Result<bool> peek(Record& record) noexcept {
    const Look seen = look(record);
    if (seen == Look::corrupt) return fail(Errc::corrupt);
    return seen == Look::found;
  }

  /// True if the next peek() would find nothing without loading the producer's position again.
  [[nodiscard]] bool is_drained() const noexcept { return position_ == tail_cached_; }

  /// Loads the producer's position. Returns true if there is something to read.
  bool refresh() noexcept {
    tail_cached_ = header_->tail.load(std::memory_order_acquire) & ~kOffGrid;  // PUBLISH
    return position_ != tail_cached_;
  }

  /// Fetches the line that the next record will begin in. For who waits for one message: called at
  /// every look that finds nothing, the line comes together with the new tail and not after it.
  /// Not for who takes what streams in: there it takes the line away from the one who writes it.
  void await() const noexcept { __builtin_prefetch(data_ + (position_ & mask_)); }

  /// Moves the private position behind a record that was handled; also back, to forget that.
  void advance(std::uint64_t position) noexcept { position_ = position; }

  /// Gives the space up to the private position back to the producer.
  void release() noexcept {
    header_->head.store(position_, std::memory_order_release);  // RECLAIM
  }

  /// The word that gives space back: what a turn puts on its redo list.
  [[nodiscard]] Word& head_word() const noexcept { return header_->head; }

  /// Calls handler(record) for up to `limit` records in order, then releases them with one store.
  /// Returns how many. Errors: corrupt; the records before the bad one were handled and released.
  template <class Handler>
  Result<std::uint32_t> poll(Handler&& handler, std::uint32_t limit) {
    Record record;
    std::uint32_t count = 0;
    while (count < limit) {
      const Result<bool> found = peek(record);
      if (!found || !*found) {
        if (count != 0) release();
        if (!found) return fail(found.error());
        return count;
      }
      handler(record);
      position_ = record.end;
      ++count;
    }
    if (count != 0) release();
    return count;
  }

  /// Skips everything published so far: what is done to a ring whose bytes are corrupt.
  /// Returns how many bytes were given up.
  std::uint64_t skip_all() noexcept;

  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

  [[nodiscard]] std::uint64_t published() const noexcept { return tail_cached_; }

 private:
  /// Bits that no position has: damage, which must not take the alignment with it.
  static constexpr std::uint64_t kOffGrid = 7;

  Look look_slowly(Record& record) noexcept;

  void fetch_ahead() noexcept {
    if (fetched_ < position_) fetched_ = position_ & ~std::uint64_t{kLine - 1};
    // Positions of a damaged ring may go round: what is left is bounded, whatever they are.
    const std::uint64_t left = std::min(tail_cached_, position_ + kFetchAhead) - fetched_;
    if (left > kFetchAhead + kLine) return;
    for (std::uint64_t done = 0; done < left; done += kLine, fetched_ += kLine)
      __builtin_prefetch(data_ + (fetched_ & mask_));
  }

  RingHeader* header_ = nullptr;
  const std::byte* data_ = nullptr;
  std::uint64_t mask_ = 0;
  std::uint64_t position_ = 0;     // head plus what was handled; private to this process
  std::uint64_t tail_cached_ = 0;  // last tail seen; never ahead of the real one
  std::uint64_t fetched_ = 0;      // where the next line to fetch begins
};

}  // namespace mabeam::shm

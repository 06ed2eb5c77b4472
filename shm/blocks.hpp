// Blocks: payloads that are too large for a ring or a log. The record carries a handle, its reader
// reads in place. One arena an endpoint: a ring of blocks, all written by the endpoint's owner.
//
// Layout of one arena (offsets in bytes from its start, 128-byte aligned)
//
//      0 +----------------------------------------------------------------+
//        | tail: u64     bytes ever claimed              written by: owner|
//        | oldest: u64   bytes ever given back           written by: owner|
//    128 +----------------------------------------------------------------+
//        | capacity: u64   magic: u64                    written once     |
//    256 +----------------------------------------------------------------+
//        | blocks ...                                    written by: owner|
//        +----------------------------------------------------------------+  256 + capacity
//
// Layout of one block (starts on 64 bytes; never wraps: a pad fills the end of the buffer)
//
//      0           4           8                  16                  24            64
//      +-----------+-----------+-------------------+-------------------+-------------+---------+
//      |   magic   |   path    |      length       |    record_end     |   unused    | payload |
//      +-----------+-----------+-------------------+-------------------+-------------+---------+
//
// The capacity is block_bytes and one header more, so that a payload of block_bytes fits; positions
// are taken modulo the capacity, which is no power of two.
//
// Invariants
//   (1) A block lives exactly as long as the record that names it. `path` and `record_end` say
//       which that is: a ring's, until its reader has passed it; the log's, until every reader has
//       passed it and the log's own `oldest` has been moved behind it. Nobody counts references.
//   (2) Blocks are given back in the order of their claims, by their writer, when it needs room.
//   (3) A block is published by the same turn as the record that names it, or before it. One whose
//       record was never published is marked by the next owner: nobody waits for it.
//   (4) Where oldest is ahead of tail, the arena is empty, and the next block begins there.
//   (5) Readers trust nothing: handle and header are copied to locals and checked against each
//       other, the record, and the reader's own idea of the arena (find_block()).
//
// Ordering: the pairs of the rings and logs (spsc_ring.hpp, event_log.hpp). A block is written
// before its record's PUBLISH, and overwritten after its RECLAIM, or after the log's INTENT.
#pragma once

#include "shm/words.hpp"

#include "mabeam/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace mabeam::shm {

struct ArenaHeader {
  alignas(kLinePair) Word tail;
  Word oldest;
  alignas(kLinePair) std::uint64_t capacity;
  std::uint64_t magic;
};

static_assert(offsetof(ArenaHeader, capacity) == 128 && sizeof(ArenaHeader) == 256);

struct BlockHeader {
  std::uint32_t magic;
  std::uint32_t path;
  std::uint64_t length;      ///< of the payload
  std::uint64_t record_end;  ///< 0: no record names it
  std::array<std::uint64_t, 5> unused;
};

static_assert(sizeof(BlockHeader) == kLine);

/// What a record in a ring or a log carries in place of its payload.
struct BlockHandle {
  std::uint64_t position = 0;
  std::uint64_t length = 0;
};

static_assert(sizeof(BlockHandle) == 16);

/// In a record's kind: its payload is a BlockHandle.
inline constexpr std::uint16_t kInBlock = 0x8000;

inline constexpr std::uint64_t kArenaMagic = 0x414E4552414B4C42;  // "BLKARENA"
inline constexpr std::uint32_t kBlockMagic = 0x4B434C42;          // "BLCK"
inline constexpr std::uint64_t kMostPayloadBytes = 64U << 20U;

/// Which ring or log of the arena's endpoint the record is in: a ring to `target`, or its log.
inline constexpr std::uint32_t kLogPath = 0xFFFFFFFF;
inline constexpr std::uint32_t kPadPath = 0xFFFFFFFE;  ///< fills the end of a buffer

constexpr std::uint32_t ring_path(std::uint32_t target, std::uint32_t priority) {
  return target * 4 + priority;
}

/// The record that names a block.
struct BlockUse {
  std::uint32_t path = 0;
  std::uint64_t record_end = 0;  ///< its ring's or log's position behind it
};

/// What a payload of that many bytes takes of an arena.
constexpr std::uint64_t block_bytes_for(std::uint64_t payload_bytes) {
  return sizeof(BlockHeader) + align_up(payload_bytes, kLine);
}

/// Bytes of an arena whose largest block holds `payload_bytes`, a multiple of 64; 0 is no arena.
constexpr std::uint64_t arena_bytes_for(std::uint64_t payload_bytes) {
  return payload_bytes == 0 ? 0 : sizeof(ArenaHeader) + block_bytes_for(payload_bytes);
}

/// From one arena to the next.
constexpr std::uint64_t arena_stride(std::uint64_t payload_bytes) {
  return align_up(arena_bytes_for(payload_bytes), kLinePair);
}

/// Writes the header of an arena in zeroed memory of arena_bytes_for() bytes.
void create_arena(std::span<std::byte> arena);

/// The bytes of the block that a record's handle names, if handle and block are as the record's
/// writer must have left them. `arena` is empty where there is none.
std::optional<std::span<const std::byte>> find_block(std::span<const std::byte> arena,
                                                     const BlockHandle& handle,
                                                     const BlockUse& use) noexcept;

/// The writing end. One at a time per arena, which the endpoint's owner guarantees.
class BlockArena {
 public:
  /// Takes over at the published tail. Errors: corrupt (magic, capacity or positions).
  static Result<BlockArena> open(std::span<std::byte> arena);

  /// The largest payload that an empty arena holds. 0: there is no arena.
  [[nodiscard]] std::uint64_t max_payload() const noexcept;

  /// Reserves a block for writing in place; `handle` is what its record shall carry.
  /// Errors: payload_too_large, backpressure.
  Result<std::span<std::byte>> claim(std::uint64_t payload_bytes, const BlockUse& use,
                                     BlockHandle& handle) noexcept;

  /// Forgets the blocks behind `position`, one that claimed() returned since the last publication.
  void rewind(std::uint64_t position) noexcept;
  /// Marks what was claimed for that path and is not published: no record will name it.
  void disown(std::uint32_t path) noexcept;

  void publish() noexcept {
    header_->tail.store(claimed_, std::memory_order_release);
    settle();
  }

  /// Tells that somebody has stored claimed() into the tail: a turn that has been applied.
  void settle() noexcept { published_ = claimed_; }

  /// The word that publishes: what a turn puts on its redo list.
  [[nodiscard]] Word& tail_word() const noexcept { return header_->tail; }

  enum class Fate : std::uint8_t { over, held, stray };

  /// Gives back published blocks, the oldest first, as long as fate_of(header) says that they are
  /// over, until `bytes` would fit. False where it ended at a block whose header cannot be, or that
  /// fate_of() calls stray.
  template <class FateOf>
  bool give_back(std::uint64_t bytes, FateOf&& fate_of);

  /// Gives back all that is published.
  void give_up() noexcept;

  /// Calls visit(header) for every published block, up to damage.
  template <class Visit>
  void for_each(Visit&& visit);

  /// The oldest block's path, or kPadPath where there is none.
  [[nodiscard]] std::uint32_t oldest_path() const noexcept;

  /// True if blocks of that many bytes together would fit now, wherever the buffer ends between
  /// them; of more than ever fit for sure, if the arena is empty.
  [[nodiscard]] bool has_room_for(std::uint64_t bytes) const noexcept {
    return fits_behind(oldest_, bytes);
  }

  [[nodiscard]] std::uint64_t claimed() const noexcept { return claimed_; }

  [[nodiscard]] std::uint64_t published() const noexcept { return published_; }

  [[nodiscard]] std::uint64_t oldest() const noexcept { return oldest_; }

  [[nodiscard]] std::uint64_t used() const noexcept { return claimed_ - oldest_; }

  [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }

 private:
  struct Walked {
    BlockHeader header{};
    BlockHeader* at = nullptr;
    std::uint64_t end = 0;
  };

  [[nodiscard]] bool look(std::uint64_t position, std::uint64_t limit,
                          Walked& block) const noexcept;
  [[nodiscard]] bool fits_behind(std::uint64_t oldest, std::uint64_t bytes) const noexcept;
  void move_oldest(std::uint64_t position) noexcept;
  void put_header(std::uint64_t position, std::uint64_t length, const BlockUse& use) const noexcept;

  ArenaHeader* header_ = nullptr;
  std::byte* data_ = nullptr;
  std::uint64_t capacity_ = 0;
  std::uint64_t claimed_ = 0;    // tail plus what is claimed; private to this process
  std::uint64_t published_ = 0;  // what tail holds, or oldest where that is ahead
  std::uint64_t oldest_ = 0;
};

template <class FateOf>
bool BlockArena::give_back(std::uint64_t bytes, FateOf&& fate_of) {
  Fate fate = Fate::over;
  std::uint64_t oldest = oldest_;
  Walked block;
  while (oldest < published_ && !fits_behind(oldest, bytes)) {
    fate = look(oldest, published_, block) ? Fate::over : Fate::stray;
    if (fate == Fate::over && block.header.path != kPadPath) fate = fate_of(block.header);
    if (fate != Fate::over) break;
    oldest = block.end;
  }
  if (oldest != oldest_) move_oldest(oldest);
  return fate != Fate::stray;
}

template <class Visit>
void BlockArena::for_each(Visit&& visit) {
  Walked block;
  for (std::uint64_t at = oldest_; at < published_ && look(at, published_, block); at = block.end) {
    if (block.header.path != kPadPath) visit(*block.at);
  }
}

}  // namespace mabeam::shm

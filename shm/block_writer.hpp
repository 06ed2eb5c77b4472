// BlockWriter: an endpoint's arena in the hands of its owner, together with the rings and the log
// whose records name its blocks.
#pragma once

#include "shm/blocks.hpp"
#include "shm/event_log.hpp"
#include "shm/segment.hpp"
#include "shm/wire.hpp"

#include "mabeam/result.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

namespace mabeam::shm {

/// Bytes of what is to be sent or emitted: of its ring or log, and of its sender's blocks.
struct Room {
  std::uint64_t records = 0;
  std::uint64_t blocks = 0;
  std::uint64_t largest_block = 0;

  static constexpr Room without_block(std::uint64_t payload_bytes) {
    return {record_bytes(sizeof(MessageHeader) + payload_bytes)};
  }

  static constexpr Room with_block(std::uint64_t payload_bytes) {
    const std::uint64_t block = block_bytes_for(payload_bytes);
    return {record_bytes(sizeof(MessageHeader) + sizeof(BlockHandle)), block, block};
  }

  Room& operator+=(const Room& other) {
    records += other.records;
    blocks += other.blocks;
    largest_block = std::max(largest_block, other.largest_block);
    return *this;
  }
};

class BlockWriter {
 public:
  /// `segment` outlives this.
  BlockWriter(const Segment& segment, std::uint32_t endpoint)
      : segment_(segment),
        endpoint_(endpoint) {}

  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  /// Takes over at the published tail; what a dead owner left without a record is marked. `log` is
  /// the endpoint's, and outlives this. Errors: corrupt.
  Result<> open(EventLogWriter& log);

  /// The largest payload. 0: there is no arena.
  [[nodiscard]] std::uint64_t max_payload() const noexcept { return arena_.max_payload(); }

  /// True if blocks of that many bytes together might not fit, though all were empty: a pad may lie
  /// between two of them.
  [[nodiscard]] bool is_too_much(std::uint64_t bytes, std::uint64_t largest) const noexcept {
    return bytes > (bytes == largest ? arena_.capacity() : arena_.capacity() / 2);
  }

  /// True if blocks of that many bytes (block_bytes_for()) fit now; gives back what is over.
  [[nodiscard]] bool make_room_for(std::uint64_t bytes);

  /// Claims a block, copies the payload into it. Errors: payload_too_large, backpressure.
  Result<BlockHandle> write(std::span<const std::byte> payload, const BlockUse& use);

  void publish() noexcept {
    if (arena_.claimed() != arena_.published()) arena_.publish();
  }

  /// Forgets what is claimed and not published.
  void discard() noexcept { arena_.rewind(arena_.published()); }

  /// True if readers of the log hold the oldest block, so that eviction would free it.
  [[nodiscard]] bool is_held_by_log() const noexcept { return arena_.oldest_path() == kLogPath; }

  [[nodiscard]] BlockArena& arena() noexcept { return arena_; }

 private:
  [[nodiscard]] RingHeader* ring_of(std::uint32_t path) const noexcept;
  [[nodiscard]] bool is_published(const BlockHeader& block) const noexcept;
  [[nodiscard]] BlockArena::Fate fate_of(const BlockHeader& block) noexcept;
  [[nodiscard]] bool is_nothing_named() const noexcept;

  const Segment& segment_;
  std::uint32_t endpoint_;
  BlockArena arena_;
  EventLogWriter* log_ = nullptr;
};

}  // namespace mabeam::shm

#include "shm/block_writer.hpp"

#include "shm/spsc_ring.hpp"

namespace mabeam::shm {

Result<> BlockWriter::open(EventLogWriter& log) {
  const Result<BlockArena> arena = BlockArena::open(segment_.blocks(endpoint_));
  if (!arena) return fail(arena.error());
  arena_ = *arena;
  log_ = &log;
  arena_.for_each([this](BlockHeader& block) {
    if (!is_published(block)) block.record_end = 0;
  });
  return {};
}

RingHeader* BlockWriter::ring_of(std::uint32_t path) const noexcept {
  const std::uint32_t target = path / 4;
  const std::uint32_t priority = path % 4;
  if (target >= segment_.endpoints() || priority >= kPriorities) return nullptr;
  const std::span<std::byte> ring =
      segment_.ring(endpoint_, target, static_cast<Priority>(priority));
  return reinterpret_cast<RingHeader*>(ring.data());
}

bool BlockWriter::is_published(const BlockHeader& block) const noexcept {
  if (block.path == kLogPath) return block.record_end <= log_->published();
  const RingHeader* ring = ring_of(block.path);
  return ring != nullptr && block.record_end <= ring->tail.load(std::memory_order_relaxed);
}

// The log's oldest moves before the block is overwritten, so whoever reads the past sees that the
// record is gone, if its block is.
BlockArena::Fate BlockWriter::fate_of(const BlockHeader& block) noexcept {
  using Fate = BlockArena::Fate;
  if (block.record_end == 0) return Fate::over;
  if (!is_published(block)) return Fate::stray;
  if (block.path == kLogPath) {
    if (!log_->is_passed(block.record_end)) return Fate::held;
    log_->give_way(block.record_end);
    return Fate::over;
  }
  const std::uint64_t head = ring_of(block.path)->head.load(std::memory_order_acquire);  // RECLAIM
  return head >= block.record_end ? Fate::over : Fate::held;
}

bool BlockWriter::make_room_for(std::uint64_t bytes) {
  const bool is_whole =
      arena_.give_back(bytes, [this](const BlockHeader& block) { return fate_of(block); });
  if (!is_whole && is_nothing_named()) {
    log_->give_way(log_->published());
    arena_.give_up();
  }
  return arena_.has_room_for(bytes);
}

// A damaged block hides those behind it: all are given up once no record can name any.
bool BlockWriter::is_nothing_named() const noexcept {
  for (std::uint32_t target = 1; target < segment_.endpoints(); ++target) {
    for (std::uint32_t priority = 0; priority < kPriorities; ++priority) {
      const RingHeader* ring = ring_of(ring_path(target, priority));
      if (ring == nullptr) continue;
      const std::uint64_t head = ring->head.load(std::memory_order_acquire);  // RECLAIM
      if (head < ring->tail.load(std::memory_order_relaxed)) return false;
    }
  }
  return log_->is_passed(log_->published());
}

Result<BlockHandle> BlockWriter::write(std::span<const std::byte> payload, const BlockUse& use) {
  if (payload.size() > max_payload()) return fail(Errc::payload_too_large);
  if (!make_room_for(block_bytes_for(payload.size()))) return fail(Errc::backpressure);
  BlockHandle handle;
  const auto room = arena_.claim(payload.size(), use, handle);
  if (!room) return fail(room.error());
  std::memcpy(room->data(), payload.data(), payload.size());
  return handle;
}

}  // namespace mabeam::shm

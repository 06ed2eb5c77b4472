#include "shm/blocks.hpp"

#include <algorithm>

namespace mabeam::shm {

void create_arena(std::span<std::byte> arena) {
  auto* header = reinterpret_cast<ArenaHeader*>(arena.data());
  header->capacity = arena.size() - sizeof(ArenaHeader);
  header->magic = kArenaMagic;
}

std::optional<std::span<const std::byte>> find_block(std::span<const std::byte> arena,
                                                     const BlockHandle& handle,
                                                     const BlockUse& use) noexcept {
  if (arena.size() < sizeof(ArenaHeader) + sizeof(BlockHeader)) return std::nullopt;
  const std::span<const std::byte> data = arena.subspan(sizeof(ArenaHeader));
  const std::uint64_t offset = handle.position % data.size();
  if (handle.position % kLine != 0 || handle.length > kMostPayloadBytes ||
      block_bytes_for(handle.length) > data.size() - offset) {
    return std::nullopt;
  }
  BlockHeader header;
  std::memcpy(&header, data.data() + offset, sizeof header);
  if (header.magic != kBlockMagic || header.path != use.path || header.length != handle.length ||
      header.record_end != use.record_end) {
    return std::nullopt;
  }
  return data.subspan(offset + sizeof header, handle.length);
}

// ---- writer ----------------------------------------------------------------------------------

Result<BlockArena> BlockArena::open(std::span<std::byte> arena) {
  BlockArena writer;
  if (arena.empty()) return writer;
  if (arena.size() < sizeof(ArenaHeader) + sizeof(BlockHeader)) return fail(Errc::corrupt);
  auto* header = reinterpret_cast<ArenaHeader*>(arena.data());
  const std::uint64_t capacity = arena.size() - sizeof(ArenaHeader);
  if (header->magic != kArenaMagic || header->capacity != capacity) return fail(Errc::corrupt);
  const std::uint64_t tail = header->tail.load(std::memory_order_acquire);
  const std::uint64_t oldest = header->oldest.load(std::memory_order_acquire);
  const std::uint64_t apart = tail > oldest ? tail - oldest : oldest - tail;
  if (apart > capacity || tail % kLine != 0 || oldest % kLine != 0) return fail(Errc::corrupt);
  writer.header_ = header;
  writer.data_ = arena.data() + sizeof(ArenaHeader);
  writer.capacity_ = capacity;
  writer.oldest_ = oldest;
  writer.published_ = writer.claimed_ = std::max(tail, oldest);
  return writer;
}

std::uint64_t BlockArena::max_payload() const noexcept {
  if (header_ == nullptr) return 0;
  return std::min(kMostPayloadBytes, capacity_ - sizeof(BlockHeader));
}

// A single block takes no more than fits here; several, in the worst case, as much.
bool BlockArena::fits_behind(std::uint64_t oldest, std::uint64_t bytes) const noexcept {
  if (oldest >= claimed_) return true;
  const std::uint64_t to_end = capacity_ - claimed_ % capacity_;
  const std::uint64_t pad = bytes > to_end ? to_end : 0;
  return claimed_ - oldest + pad + bytes <= capacity_;
}

Result<std::span<std::byte>> BlockArena::claim(std::uint64_t payload_bytes, const BlockUse& use,
                                               BlockHandle& handle) noexcept {
  if (payload_bytes > max_payload()) return fail(Errc::payload_too_large);
  const std::uint64_t need = block_bytes_for(payload_bytes);
  if (!fits_behind(oldest_, need)) return fail(Errc::backpressure);
  const std::uint64_t to_end = capacity_ - claimed_ % capacity_;
  if (need > to_end) {
    if (oldest_ == claimed_) {
      move_oldest(claimed_ + to_end);  // a block as large as the arena leaves no room for a pad
    } else {
      put_header(claimed_, to_end - sizeof(BlockHeader), {kPadPath, 0});
    }
    claimed_ += to_end;
  }
  put_header(claimed_, payload_bytes, use);
  handle = {claimed_, payload_bytes};
  std::byte* at = data_ + claimed_ % capacity_ + sizeof(BlockHeader);
  claimed_ += need;
  return std::span<std::byte>{at, payload_bytes};
}

void BlockArena::put_header(std::uint64_t position, std::uint64_t length,
                            const BlockUse& use) const noexcept {
  const BlockHeader header{kBlockMagic, use.path, length, use.record_end, {}};
  std::memcpy(data_ + position % capacity_, &header, sizeof header);
}

// Before what lies in front of it is overwritten: a successor walks from here.
void BlockArena::move_oldest(std::uint64_t position) noexcept {
  oldest_ = position;
  header_->oldest.exchange(position, std::memory_order_acq_rel);
}

void BlockArena::rewind(std::uint64_t position) noexcept {
  claimed_ = std::max(position, oldest_);
}

void BlockArena::give_up() noexcept {
  if (oldest_ < published_) move_oldest(published_);
}

bool BlockArena::look(std::uint64_t position, std::uint64_t limit, Walked& block) const noexcept {
  const std::uint64_t offset = position % capacity_;
  block.at = reinterpret_cast<BlockHeader*>(data_ + offset);
  std::memcpy(&block.header, block.at, sizeof block.header);
  if (block.header.magic != kBlockMagic || block.header.length > capacity_) return false;
  const std::uint64_t size = block_bytes_for(block.header.length);
  block.end = position + size;
  return size <= limit - position && size <= capacity_ - offset;
}

void BlockArena::disown(std::uint32_t path) noexcept {
  Walked block;
  for (std::uint64_t at = std::max(published_, oldest_); at < claimed_ && look(at, claimed_, block);
       at = block.end) {
    if (block.header.path == path) block.at->record_end = 0;
  }
}

std::uint32_t BlockArena::oldest_path() const noexcept {
  Walked block;
  const bool is_there = oldest_ < published_ && look(oldest_, published_, block);
  return is_there ? block.header.path : kPadPath;
}

}  // namespace mabeam::shm

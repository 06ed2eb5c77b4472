// Verify: every endpoint's arena: header, positions, and how its blocks follow each other. That
// each record's block is there is checked with the record (verify_payload()).
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <string>

namespace mabeam::shm {
namespace {

class Arena {
 public:
  Arena(VerifyPass& pass, std::uint32_t endpoint)
      : pass_(pass),
        endpoint_(endpoint),
        header_(*reinterpret_cast<const ArenaHeader*>(pass.segment().blocks(endpoint).data())),
        data_(pass.segment().blocks(endpoint).subspan(sizeof(ArenaHeader))),
        where_("blocks of " + endpoint_name(pass.segment(), endpoint)) {}

  void verify() {
    pass_.count_bytes(sizeof(ArenaHeader));
    expect(header_.magic == kArenaMagic, "its magic is wrong", header_.magic);
    expect(header_.capacity == data_.size(), "its capacity is not the layout's", header_.capacity);
    const std::uint64_t oldest = header_.oldest.load(std::memory_order_acquire);
    const std::uint64_t tail = header_.tail.load(std::memory_order_acquire);
    const std::uint64_t apart = tail > oldest ? tail - oldest : oldest - tail;
    const bool is_moving = header_.oldest.load(std::memory_order_acquire) != oldest;
    const bool is_sane = apart <= data_.size() && tail % kLine == 0 && oldest % kLine == 0;
    expect(is_sane || is_moving, "its oldest is not within its room behind its tail", oldest);
    if (!is_sane || is_moving) return;
    for (std::uint64_t at = oldest; at < tail;)
      if (!verify_block(at, tail)) return;
  }

 private:
  void expect(bool holds, std::string_view rule, std::uint64_t value) {
    pass_.expect(
        holds, [&] { return where_; }, rule, value);
  }

  /// Goes behind a block. False at damage, or where blocks were given back meanwhile.
  bool verify_block(std::uint64_t& position, std::uint64_t tail) {
    const std::uint64_t offset = position % data_.size();
    BlockHeader block;
    std::memcpy(&block, data_.data() + offset, sizeof block);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (header_.oldest.load(std::memory_order_relaxed) > position) return false;
    const auto here = [&] { return at_position(where_, position); };
    const bool is_long = block.length > data_.size();
    const std::uint64_t size = is_long ? block.length : block_bytes_for(block.length);
    const bool fits = !is_long && size <= tail - position && size <= data_.size() - offset;
    pass_.expect(block.magic == kBlockMagic, here, "it is no block", block.magic);
    pass_.expect(fits, here, "a block passes the end", block.length);
    if (block.magic != kBlockMagic || !fits) return false;
    if (block.path == kPadPath) {
      pass_.expect(size == data_.size() - offset, here, "a pad is not at the buffer's end", size);
    } else {
      pass_.expect(is_path(block.path), here, "it is for no ring of its endpoint's", block.path);
    }
    pass_.count_bytes(size);
    position += size;
    return true;
  }

  [[nodiscard]] bool is_path(std::uint32_t path) const {
    if (path == kLogPath) return true;
    const std::uint32_t priority = path % 4;
    return path / 4 < pass_.segment().endpoints() && priority < kPriorities &&
           !pass_.segment().ring(endpoint_, path / 4, static_cast<Priority>(priority)).empty();
  }

  VerifyPass& pass_;
  std::uint32_t endpoint_;
  const ArenaHeader& header_;
  std::span<const std::byte> data_;
  std::string where_;
};

}  // namespace

void verify_blocks(VerifyPass& pass) {
  for (std::uint32_t endpoint = 1; endpoint < pass.segment().endpoints(); ++endpoint) {
    if (!pass.segment().blocks(endpoint).empty()) Arena{pass, endpoint}.verify();
  }
}

}  // namespace mabeam::shm

// SegmentWords: which word of the segment an entry of a redo list names, for one shard, with every
// check that keeps a damaged or hostile list from storing anything anywhere else (pitfall 1.11).
#pragma once

#include "shm/segment.hpp"
#include "shm/turn.hpp"

#include "mabeam/result.hpp"

#include <cstdint>

namespace mabeam::shm {

class SegmentWords final : public TurnWords {
 public:
  /// `segment` outlives this. `shard` from 0 on.
  SegmentWords(const Segment& segment, std::uint32_t shard) : segment_(segment), shard_(shard) {}

  [[nodiscard]] Result<Word*> resolve(const RedoEntry& entry) const override;

  void bump_epoch() const override {
    segment_.header().subscription_epoch.fetch_add(1, std::memory_order_seq_cst);
  }

 private:
  [[nodiscard]] Result<Word*> agent_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> table_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> metadata_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> timer_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> log_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> ring_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> parking_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> block_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> cursor_word(const RedoEntry& entry) const;
  [[nodiscard]] Result<Word*> span_word(const RedoEntry& entry) const;

  const Segment& segment_;
  std::uint32_t shard_;
};

}  // namespace mabeam::shm

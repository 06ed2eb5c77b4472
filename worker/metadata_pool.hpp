// MetadataPool: which records of one shard's metadata are free, and what the current message takes
// and gives back. A record that it gives back serves again from the next turn on.
//
// One record is kept for updates, so whoever has metadata can always be given other: a message
// updates one agent that lives on.
#pragma once

#include "shm/metadata.hpp"
#include "shm/registry.hpp"
#include "shm/segment.hpp"

#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mabeam::worker {

class MetadataPool {
 public:
  MetadataPool(const shm::Segment& segment, std::uint32_t shard)
      : records_(segment.metadata(shard)) {}

  /// Rebuilds what is free.
  void open(const shm::AgentTable& agents);

  /// What a word names; empty if that is no record.
  [[nodiscard]] std::string_view text_of(std::uint64_t word) const noexcept;

  /// True if a word names a record.
  [[nodiscard]] bool is_record(std::uint64_t word) const noexcept {
    return shm::MetadataWord::unpack(word).record < records_.size();
  }

  /// Writes into a free record. Returns the word that names it, to come after `word`; one of no
  /// record for no text. Errors: metadata_full.
  Result<std::uint64_t> write(std::uint64_t word, std::string_view text);
  /// Writes over a record that this message has taken.
  void rewrite(std::uint64_t word, std::string_view text) noexcept;

  /// Records that this message has taken; give_back() cuts them down to so many.
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

  void give_back(std::size_t taken) noexcept { taken_ = taken; }

  /// With this turn's commit the record that a word names is free.
  void release(std::uint64_t word);

  void undo_message() noexcept;
  /// After the commit.
  void settle();

  /// False where no agent has any, and none is given any: then there is nothing to release.
  [[nodiscard]] bool is_used() const noexcept {
    return taken_ != 0 || free_.size() < records_.size();
  }

 private:
  void fill(std::uint32_t record, std::string_view text) noexcept;

  shm::MetadataTable records_;
  std::vector<bool> used_;           // by record
  std::vector<std::uint32_t> free_;  // the last is taken next
  std::size_t taken_ = 0;
  std::vector<std::uint32_t> released_;
};

}  // namespace mabeam::worker

// Verify: the shards' pools of metadata, and who names what in them.
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

class ShardMetadata {
 public:
  ShardMetadata(VerifyPass& pass, std::uint32_t shard)
      : pass_(pass),
        shard_(shard),
        agents_(pass.segment().agents(shard)),
        records_(pass.segment().metadata(shard)),
        named_(records_.size()) {}

  void verify() {
    const auto before = settled_turn(turn());
    for (std::uint32_t slot = 0; slot < agents_.size(); ++slot)
      verify_slot(slot);
    // Words of two turns may name one record, which the later one has given out again.
    if (!before || settled_turn(turn()) != before) return;
    for (const std::uint32_t slot : twice_)
      pass_.find(where(slot), "its metadata is another agent's, too", slot);
  }

 private:
  [[nodiscard]] const TurnRegion& turn() const { return pass_.segment().turn(shard_); }

  [[nodiscard]] std::string where(std::uint32_t slot) const {
    return "shard " + std::to_string(shard_) + ", agent slot " + std::to_string(slot);
  }

  void verify_slot(std::uint32_t slot) {
    const Word& life = agents_.record(slot).slot_word;
    const Word& word = agents_.profile(slot).metadata;
    const std::uint64_t alive = life.load(std::memory_order_acquire);
    if (SlotWord::unpack(alive).lifecycle == 0) return;
    const std::uint64_t named = word.load(std::memory_order_acquire);  // APPLY
    const std::uint32_t record = MetadataWord::unpack(named).record;
    if (record == MetadataWord::kNone) return;
    const bool is_record = record < records_.size();
    MetadataRecord copy{};
    if (is_record) copy = records_[record];
    std::atomic_thread_fence(std::memory_order_acquire);
    const bool is_still = word.load(std::memory_order_relaxed) == named &&
                          life.load(std::memory_order_relaxed) == alive;
    if (!is_still) return;
    const auto here = [&] { return where(slot); };
    pass_.expect(is_record, here, "its metadata is no record", record);
    if (!is_record) return;
    const bool is_text = copy.length != 0 && is_metadata(copy.view());
    pass_.expect(is_text, here, "its metadata is no text", copy.length);
    if (named_[record]) twice_.push_back(slot);
    named_[record] = true;
  }

  VerifyPass& pass_;
  std::uint32_t shard_;
  AgentTable agents_;
  MetadataTable records_;
  std::vector<bool> named_;           // by record
  std::vector<std::uint32_t> twice_;  // slots that name what another does
};

}  // namespace

void verify_metadata(VerifyPass& pass) {
  for (std::uint32_t shard = 0; shard < pass.segment().dimensions().shards; ++shard)
    ShardMetadata{pass, shard}.verify();
  pass.count_bytes(pass.segment().layout()[Region::metadata].bytes);
}

}  // namespace mabeam::shm

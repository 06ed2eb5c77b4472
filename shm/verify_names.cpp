// Verify: the index of names. Every entry leads to a living agent of that name, and every name to
// its agent.
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <string>

namespace mabeam::shm {
namespace {

/// Searches take as many steps as entries lie from where their hash puts them: on average far less
/// than this, unless the index is damaged.
constexpr std::uint64_t kFarOnAverage = 64;

class Index {
 public:
  Index(VerifyPass& pass, std::uint32_t shard)
      : pass_(pass),
        shard_(shard),
        turn_(pass.segment().turn(shard)),
        table_(pass.segment().agents(shard)) {}

  void verify() {
    for (std::uint32_t index = 0; index < table_.name_slots(); ++index)
      verify_entry(index);
    if (distance_ > kFarOnAverage * table_.name_slots()) {
      pass_.find(place("index of names", 0), "its entries lie too far from their hashes",
                 distance_);
      return;
    }
    for (std::uint32_t slot = 0; slot < table_.size() && misses_ < VerifyPass::kMostMisses;
         ++slot) {
      verify_agent(slot);
    }
  }

 private:
  [[nodiscard]] std::string place(const char* what, std::uint32_t index) const {
    return "shard " + std::to_string(shard_) + ", " + what + " " + std::to_string(index);
  }

  /// What was compared was of one state, of the turn that was settled `before`.
  [[nodiscard]] bool is_still(const std::optional<std::uint64_t>& before) const {
    return before && settled_turn(turn_) == before;
  }

  void verify_entry(std::uint32_t index) {
    const auto before = settled_turn(turn_);
    const std::uint64_t word = table_.name_word(index).load(std::memory_order_acquire);
    if (word == 0 || word == kTombstone) return;
    const auto tag = static_cast<std::uint32_t>(word >> 32U);
    const auto slot = static_cast<std::uint32_t>(word) - 1;
    const auto where = [&] { return place("name entry", index); };
    distance_ += (index - tag) & (table_.name_slots() - 1);
    pass_.expect(slot < table_.size(), where, "it leads to no agent slot", slot);
    if (slot >= table_.size()) return;
    const std::optional<AgentFacts> facts = table_.snapshot(slot);
    if (!facts || !is_still(before)) return;
    pass_.expect(facts->slot_word.lifecycle != 0, where, "it leads to an agent that is gone", slot);
    if (facts->slot_word.lifecycle == 0) return;
    const std::uint64_t hash = hash_name(facts->name_text());
    pass_.expect(tag == hash >> 32U, where, "it leads to an agent of another name", slot);
  }

  void verify_agent(std::uint32_t slot) {
    const auto before = settled_turn(turn_);
    if (table_.record(slot).name_length == 0) return;
    const std::optional<AgentFacts> facts = table_.snapshot(slot);
    if (!facts || facts->slot_word.lifecycle == 0 || facts->name_length == 0) return;
    const std::string name{facts->name_text()};
    const auto where = [&] { return place("agent slot", slot); };
    pass_.expect(shard_of_name(name, pass_.segment().dimensions().shards) == shard_, where,
                 "its name belongs to another shard", slot);
    const std::optional<std::uint32_t> found = table_.find_name(name);
    if (found == slot || !is_still(before)) return;
    ++misses_;
    pass_.find(where(), "its name is not found, or is another's, too", found.value_or(0));
  }

  VerifyPass& pass_;
  std::uint32_t shard_;
  const TurnRegion& turn_;
  AgentTable table_;
  std::uint64_t distance_ = 0;
  int misses_ = 0;
};

}  // namespace

void verify_names(VerifyPass& pass) {
  for (std::uint32_t shard = 0; shard < pass.segment().dimensions().shards; ++shard) {
    Index{pass, shard}.verify();
  }
  pass.count_bytes(pass.segment().layout()[Region::names].bytes);
}

}  // namespace mabeam::shm

#include "shm/descendants.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

namespace mabeam::shm {
namespace {

struct Kinship {
  std::uint64_t parent = 0;
  AgentId child;
  bool is_taken = false;  // one that is its own ancestor, as damage may have it, counts once
};

std::optional<Kinship> kinship_of(const AgentTable& table, EndpointId endpoint,
                                  std::uint32_t slot) {
  const AgentRecord& agent = table.record(slot);
  const std::uint64_t word = agent.slot_word.load(std::memory_order_acquire);
  const SlotWord life = SlotWord::unpack(word);
  if (life.lifecycle == 0) return std::nullopt;
  const std::uint64_t parent = table.profile(slot).parent;
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t now = agent.slot_word.load(std::memory_order_relaxed);
  if (parent == 0 || SlotWord::unpack(now).generation != life.generation) return std::nullopt;
  return Kinship{parent, {endpoint, slot, life.generation}};
}

/// Everybody who has a parent, by their parents.
std::vector<Kinship> all_kinships(const Segment& segment) {
  std::vector<Kinship> all;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const auto endpoint = static_cast<EndpointId>(Segment::endpoint_of_shard(shard));
    const AgentTable table = segment.agents(shard);
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      if (const auto kinship = kinship_of(table, endpoint, slot)) all.push_back(*kinship);
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Kinship& a, const Kinship& b) { return a.parent < b.parent; });
  return all;
}

}  // namespace

std::vector<AgentId> descendants_of(const Segment& segment, AgentId ancestor) {
  std::vector<Kinship> kinships = all_kinships(segment);
  std::vector<AgentId> found;
  AgentId parent = ancestor;
  for (std::size_t next = 0;; parent = found[next++]) {
    auto child = std::lower_bound(
        kinships.begin(), kinships.end(), parent.value(),
        [](const Kinship& kinship, std::uint64_t wanted) { return kinship.parent < wanted; });
    for (; child != kinships.end() && child->parent == parent.value(); ++child) {
      if (!child->is_taken && child->child != ancestor) found.push_back(child->child);
      child->is_taken = true;
    }
    if (next == found.size()) return found;
  }
}

}  // namespace mabeam::shm

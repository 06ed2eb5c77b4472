#include "shm/registry.hpp"

#include "shm/symbols.hpp"

#include <algorithm>

namespace mabeam::shm {

std::uint32_t shard_of_name(std::string_view name, std::uint32_t shards) {
  return shard_of_hash(hash_name(name), shards);
}

bool is_agent_name(std::string_view name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; };
  return !name.empty() && name.size() < kNameRoom &&
         std::none_of(name.begin(), name.end(), is_control) && !parse_agent_id(name);
}

std::array<char, kNameRoom> AgentTable::name(std::uint32_t slot) const {
  std::array<char, kNameRoom> name;
  const auto& head = record(slot).name_head;
  const auto& tail = profile(slot).name_tail;
  std::copy(tail.begin(), tail.end(), std::copy(head.begin(), head.end(), name.begin()));
  return name;
}

void AgentTable::write_name(std::uint32_t slot, std::string_view name) const {
  AgentRecord& agent = record(slot);
  AgentProfile& rest = profile(slot);
  const std::size_t in_head = std::min(name.size(), agent.name_head.size());
  agent.name_length = static_cast<std::uint8_t>(name.size());
  agent.name_head.fill(0);
  rest.name_tail.fill(0);
  std::copy_n(name.begin(), in_head, agent.name_head.begin());
  std::copy(name.begin() + in_head, name.end(), rest.name_tail.begin());
}

inline bool AgentTable::has_name(std::uint32_t slot, std::string_view name) const {
  const AgentRecord& agent = record(slot);
  if (agent.name_length != name.size()) return false;
  const std::size_t in_head = std::min(name.size(), agent.name_head.size());
  return std::memcmp(agent.name_head.data(), name.data(), in_head) == 0 &&
         (in_head == name.size() || std::memcmp(profile(slot).name_tail.data(),
                                                name.data() + in_head, name.size() - in_head) == 0);
}

// Between a look at the name and one at the generation the slot may get another agent; with the
// same word before and after, it did not.
inline std::optional<SlotWord> AgentTable::owner_of_name(std::uint32_t slot,
                                                         std::string_view name) const {
  if (slot >= size()) return std::nullopt;
  const AgentRecord& agent = record(slot);
  for (int tries = 0; tries < kReadTries; ++tries) {
    const std::uint64_t seen = agent.slot_word.load(std::memory_order_acquire);
    const SlotWord word = SlotWord::unpack(seen);
    if (word.lifecycle == 0) return std::nullopt;
    const bool is_same = has_name(slot, name);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (agent.slot_word.load(std::memory_order_relaxed) != seen) continue;
    return is_same ? std::optional{word} : std::nullopt;
  }
  return std::nullopt;
}

AgentTable::NamePlace AgentTable::place_name(std::string_view name) const {
  NamePlace place;
  if (name.empty() || name.size() >= kNameRoom || names_.empty()) return place;
  const std::uint64_t mask = names_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash_name(name) >> 32U);
  for (std::uint64_t step = 0; step <= mask; ++step) {
    const auto index = static_cast<std::uint32_t>((tag + step) & mask);
    const std::uint64_t word = names_[index].load(std::memory_order_acquire);
    if (word == 0 || word == kTombstone) {
      if (!place.free) place.free = index;
      if (word == 0) return place;
      continue;
    }
    const auto slot = static_cast<std::uint32_t>(word) - 1;
    if ((word >> 32U) != tag) continue;
    if (owner_of_name(slot, name)) {
      place.taken = index;
      return place;
    }
  }
  return place;
}

// A tombstone leads to no slot.
std::optional<AgentTable::Named> AgentTable::find_name(std::string_view name,
                                                       std::uint64_t hash) const {
  if (name.empty() || name.size() >= kNameRoom || names_.empty()) return std::nullopt;
  const std::uint64_t mask = names_.size() - 1;
  const std::uint64_t tag = hash >> 32U;
  for (std::uint64_t step = 0; step <= mask; ++step) {
    const std::uint64_t word = names_[(tag + step) & mask].load(std::memory_order_acquire);
    if (word == 0) return std::nullopt;
    if (word >> 32U != tag) continue;
    const auto slot = static_cast<std::uint32_t>(word) - 1;
    if (const std::optional<SlotWord> owner = owner_of_name(slot, name)) return Named{slot, *owner};
  }
  return std::nullopt;
}

std::optional<std::uint32_t> AgentTable::find_name(std::string_view name) const {
  const std::optional<Named> found = find_name(name, hash_name(name));
  if (!found) return std::nullopt;
  return found->slot;
}

std::optional<AgentFacts> AgentTable::snapshot(std::uint32_t slot) const {
  if (slot >= size()) return std::nullopt;
  const AgentRecord& agent = record(slot);
  for (int tries = 0; tries < kReadTries; ++tries) {
    AgentFacts facts;
    const std::uint64_t word = agent.slot_word.load(std::memory_order_acquire);
    facts.slot_word = SlotWord::unpack(word);
    facts.version = agent.version.load(std::memory_order_acquire);
    facts.type = agent.type;
    facts.state_bytes = agent.state_bytes;
    facts.parent = profile(slot).parent;
    facts.name = this->name(slot);
    facts.name_length = agent.name_length;
    facts.capability_count = agent.capability_count < 8 ? agent.capability_count : std::uint8_t{8};
    facts.capabilities = profile(slot).capabilities;
    StateHeader header{};
    std::memcpy(&header, half(slot, facts.version), sizeof header);
    facts.handled = header.handled;
    facts.reason = header.reason;
    std::atomic_thread_fence(std::memory_order_acquire);
    if (agent.slot_word.load(std::memory_order_relaxed) == word &&
        agent.version.load(std::memory_order_relaxed) == facts.version) {
      return facts;
    }
  }
  return std::nullopt;
}

}  // namespace mabeam::shm

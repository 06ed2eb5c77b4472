// States that are not simply in the segment and as long as their agent's record says: a serialized
// one is as long as its half says, and each handler makes it another length; one that is not
// durable is in private memory.
#include "worker/agents.hpp"
#include "worker/hooks.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace mabeam::worker {

// ---- where it is -----------------------------------------------------------------------------

std::byte* Agents::current_half(std::uint32_t slot) const noexcept {
  if (transient_.has(slot)) return transient_.current(slot);
  return table_.half(slot, table_.record(slot).version.load(std::memory_order_relaxed));
}

std::byte* Agents::idle_half(std::uint32_t slot) const noexcept {
  if (transient_.has(slot)) return transient_.idle(slot);
  return table_.half(slot, table_.record(slot).version.load(std::memory_order_relaxed) + 1);
}

std::span<const std::byte> Agents::state_in(const std::byte* half,
                                            std::uint32_t slot) const noexcept {
  const shm::AgentRecord& agent = table_.record(slot);
  const auto* header = reinterpret_cast<const shm::StateHeader*>(half);
  const std::uint64_t bytes =
      (agent.storage & shm::kSerialized) != 0 ? header->bytes : agent.state_bytes;
  const std::uint64_t room =
      transient_.has(slot) ? transient_.room(slot) : table_.max_state_bytes();
  return {half + sizeof *header, std::min(bytes, room)};
}

std::span<const std::byte> Agents::committed_state(std::uint32_t slot) const noexcept {
  return state_in(current_half(slot), slot);
}

std::span<const std::byte> Agents::idle_state(std::uint32_t slot) const noexcept {
  return state_in(idle_half(slot), slot);
}

// ---- touching it -----------------------------------------------------------------------------

// As touch(). The bytes are copied though a handler will write others: one that fails, or none at
// all, leaves them as they are. A record that claims a transient state which nobody made gets one
// that is no type's.
shm::StateHeader* Agents::touch_stored(std::uint32_t slot) {
  const bool is_transient = (table_.record(slot).storage & shm::kTransient) != 0;
  if (is_transient && !transient_.has(slot)) {
    transient_.give(slot, static_cast<std::uint32_t>(table_.max_state_bytes()));
    reinterpret_cast<shm::StateHeader*>(transient_.current(slot))->reason = kept_reason(slot);
  }
  std::byte* idle = idle_half(slot);
  if (stamps_[slot] != stamp_) {
    stamps_[slot] = stamp_;
    touched_.push_back(slot);
    const std::size_t bytes = sizeof(shm::StateHeader) + committed_state(slot).size();
    std::memcpy(idle, current_half(slot), bytes);
  } else if (const std::size_t bytes = sizeof(shm::StateHeader) + idle_state(slot).size();
             !pre_image_slot_ && bytes <= pre_image_.size()) {
    std::memcpy(pre_image_.data(), idle, bytes);
    pre_image_slot_ = slot;
    pre_image_bytes_ = bytes;
  }
  return reinterpret_cast<shm::StateHeader*>(idle);
}

// ---- what is not durable ---------------------------------------------------------------------

// Why it is suspended outlives its state: the next owner shall know, and tools do. So this alone of
// its header is in the segment as well, by a word of the turn.
Result<> Agents::keep_reason(std::uint32_t slot, Errc reason) {
  shm::Word& version = table_.record(slot).version;
  const std::uint64_t now = version.load(std::memory_order_relaxed);
  shm::StateHeader header;
  std::memcpy(&header, table_.half(slot, now), sizeof header);
  header.reason = static_cast<std::uint16_t>(reason);
  std::memcpy(table_.half(slot, now + 1), &header, sizeof header);
  return changes_.stage(shm::WordKind::agent_version, slot, version, now + 1);
}

std::uint16_t Agents::kept_reason(std::uint32_t slot) const noexcept {
  const std::uint64_t version = table_.record(slot).version.load(std::memory_order_relaxed);
  return reinterpret_cast<const shm::StateHeader*>(table_.half(slot, version))->reason;
}

shm::StateHeader* Agents::give_transient(std::uint32_t slot, const TypeDescriptor& type) {
  transient_.give(slot, type.is_serialized ? most_state_bytes_ : type.state_bytes);
  return std::construct_at(reinterpret_cast<shm::StateHeader*>(transient_.idle(slot)));
}

Result<> Agents::make_lost_state(std::uint32_t slot, const TypeDescriptor& type) {
  if (type.state_bytes > most_state_bytes_) return fail(Errc::state_too_large);
  shm::StateHeader* header = give_transient(slot, type);
  header->reason = kept_reason(slot);
  reinterpret_cast<shm::StateHeader*>(transient_.current(slot))->reason = header->reason;
  const Result<> made = make_afresh(type, *header, most_state_bytes_);
  if (!made) return made;
  transient_.flip(slot);
  // Its halves in the segment hold none, so a larger one is only to be allowed.
  shm::AgentRecord& agent = table_.record(slot);
  if (agent.state_bytes < type.state_bytes) agent.state_bytes = type.state_bytes;
  return made;
}

void Agents::settle_transient() {
  for (const std::uint32_t slot : touched_) {
    if (transient_.has(slot)) transient_.flip(slot);
  }
  for (std::size_t i = 1; i <= slots_taken_; ++i) {
    const std::uint32_t slot = free_slots_[free_slots_.size() - i];
    if (transient_.has(slot)) transient_.flip(slot);
  }
  for (const std::uint32_t slot : slots_ended_)
    transient_.drop(slot);
}

}  // namespace mabeam::worker

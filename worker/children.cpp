#include "worker/children.hpp"

namespace mabeam::worker {

void Children::open(const shm::AgentTable& table, std::uint32_t endpoint) {
  table_ = table;
  endpoint_ = endpoint;
  links_.clear();
  foreign_.clear();
  for (std::uint32_t slot = 0; slot < table_.size(); ++slot) {
    const std::uint64_t word = table_.record(slot).slot_word.load(std::memory_order_relaxed);
    if (shm::SlotWord::unpack(word).lifecycle != 0) add(slot);
  }
  if (!links_.empty()) cut_cycles();
}

void Children::add(std::uint32_t slot) {
  const AgentId parent{table_.profile(slot).parent};
  if (!parent) return;
  if (static_cast<std::uint32_t>(parent.endpoint()) != endpoint_) {
    add_foreign(slot, parent);
    return;
  }
  if (!table_.exists(parent)) return;
  if (links_.empty()) links_.resize(table_.size());
  Links& links = links_[slot];
  links.parent = parent.slot();
  links.next = links_[parent.slot()].first;
  if (links.next != kNone) links_[links.next].previous = slot;
  links_[parent.slot()].first = slot;
}

void Children::add_foreign(std::uint32_t slot, AgentId parent) {
  const std::uint64_t word = table_.record(slot).slot_word.load(std::memory_order_relaxed);
  const auto lifecycle = static_cast<Lifecycle>(shm::SlotWord::unpack(word).lifecycle);
  if (lifecycle == Lifecycle::terminating) return;
  if (links_.empty()) links_.resize(table_.size());
  std::uint32_t& first = foreign_.try_emplace(parent.value(), kNone).first->second;
  Links& links = links_[slot];
  links.foreign = parent.value();
  links.next = first;
  if (first != kNone) links_[first].previous = slot;
  first = slot;
}

void Children::leave_foreign(std::uint32_t slot) noexcept {
  if (!links_.empty() && links_[slot].foreign != 0) unlink(slot);
}

void Children::remove(std::uint32_t slot) noexcept {
  if (links_.empty()) return;
  while (links_[slot].first != kNone)
    unlink(links_[slot].first);
  unlink(slot);
}

void Children::unlink(std::uint32_t slot) noexcept {
  Links& links = links_[slot];
  if (links.foreign != 0 && links.previous == kNone) {
    if (links.next == kNone) {
      foreign_.erase(links.foreign);
    } else {
      foreign_[links.foreign] = links.next;
    }
  } else if (links.parent != kNone && links.previous == kNone) {
    links_[links.parent].first = links.next;
  } else if (links.previous != kNone) {
    links_[links.previous].next = links.next;
  }
  if (links.next != kNone) links_[links.next].previous = links.previous;
  links.parent = links.next = links.previous = kNone;
  links.foreign = 0;
}

// Goes up from every agent, once over each: who meets his own way again is in a circle.
void Children::cut_cycles() {
  std::vector<std::uint32_t> seen_from(links_.size(), kNone);
  for (std::uint32_t slot = 0; slot < links_.size(); ++slot) {
    std::uint32_t at = slot;
    while (at != kNone && seen_from[at] == kNone) {
      seen_from[at] = slot;
      at = links_[at].parent;
    }
    if (at != kNone && seen_from[at] == slot) unlink(at);
  }
}

}  // namespace mabeam::worker

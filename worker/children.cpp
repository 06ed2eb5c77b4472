#include "worker/children.hpp"

namespace mabeam::worker {

void Children::open(const shm::AgentTable& table, std::uint32_t endpoint) {
  table_ = table;
  endpoint_ = endpoint;
  links_.clear();
  for (std::uint32_t slot = 0; slot < table_.size(); ++slot) {
    const std::uint64_t word = table_.record(slot).slot_word.load(std::memory_order_relaxed);
    if (shm::SlotWord::unpack(word).lifecycle != 0) add(slot);
  }
  if (!links_.empty()) cut_cycles();
}

void Children::add(std::uint32_t slot) {
  const AgentId parent{table_.profile(slot).parent};
  const bool is_here = static_cast<std::uint32_t>(parent.endpoint()) == endpoint_;
  if (!is_here || !table_.exists(parent)) return;
  if (links_.empty()) links_.resize(table_.size());
  Links& links = links_[slot];
  links.parent = parent.slot();
  links.next = links_[parent.slot()].first;
  if (links.next != kNone) links_[links.next].previous = slot;
  links_[parent.slot()].first = slot;
}

void Children::remove(std::uint32_t slot) noexcept {
  if (links_.empty()) return;
  while (links_[slot].first != kNone)
    unlink(links_[slot].first);
  unlink(slot);
}

void Children::unlink(std::uint32_t slot) noexcept {
  Links& links = links_[slot];
  if (links.parent == kNone) return;
  if (links.previous == kNone) {
    links_[links.parent].first = links.next;
  } else {
    links_[links.previous].next = links.next;
  }
  if (links.next != kNone) links_[links.next].previous = links.previous;
  links.parent = links.next = links.previous = kNone;
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

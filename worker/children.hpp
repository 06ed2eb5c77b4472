// Children: which agents of this shard have which others for their parent. Derived from the agents'
// records, so it is private memory, rebuilt by open(). Only parents on the same shard are known.
//
// Doubly linked lists by slot: adding and removing an agent costs no search. Nothing is kept until
// somebody has a child.
#pragma once

#include "shm/registry.hpp"

#include <cstdint>
#include <vector>

namespace mabeam::worker {

class Children {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// Rebuilds the lists. Records that damage has made their own ancestors are cut apart, so that
  /// whoever goes down or up a tree comes to an end.
  void open(const shm::AgentTable& table, std::uint32_t endpoint);

  /// Enters a living agent under its parent, if that exists on this shard.
  void add(std::uint32_t slot);
  /// Takes out an agent that has ended; its children have no parent then.
  void remove(std::uint32_t slot) noexcept;

  [[nodiscard]] std::uint32_t first(std::uint32_t slot) const noexcept {
    return links_.empty() ? kNone : links_[slot].first;
  }

  [[nodiscard]] std::uint32_t next(std::uint32_t slot) const noexcept {
    return links_.empty() ? kNone : links_[slot].next;
  }

  [[nodiscard]] std::uint32_t parent(std::uint32_t slot) const noexcept {
    return links_.empty() ? kNone : links_[slot].parent;
  }

 private:
  struct Links {
    std::uint32_t parent = kNone;
    std::uint32_t first = kNone;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
  };

  void unlink(std::uint32_t slot) noexcept;
  void cut_cycles();

  shm::AgentTable table_;
  std::uint32_t endpoint_ = 0;
  std::vector<Links> links_;  // by slot
};

}  // namespace mabeam::worker

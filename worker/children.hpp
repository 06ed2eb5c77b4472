// Children: which agents of this shard have which others for their parent. Derived from the agents'
// records, so it is private memory, rebuilt by open().
//
// Doubly linked lists by slot: adding and removing an agent costs no search. Nothing is kept until
// somebody has a child. A parent on another shard has its list by its id, whether or not it still
// lives; who is being ended is not on it any more.
#pragma once

#include "shm/registry.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace mabeam::worker {

class Children {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// Rebuilds the lists. Records that damage has made their own ancestors are cut apart, so that
  /// whoever goes down or up a tree comes to an end.
  void open(const shm::AgentTable& table, std::uint32_t endpoint);

  /// Enters a living agent under its parent, if that exists on this shard or is another's.
  void add(std::uint32_t slot);
  /// Takes an agent that is being ended off the list of its parent on another shard.
  void leave_foreign(std::uint32_t slot) noexcept;
  /// Takes out an agent that has ended; its children have no parent then.
  void remove(std::uint32_t slot) noexcept;

  [[nodiscard]] std::uint32_t first(std::uint32_t slot) const noexcept {
    return links_.empty() ? kNone : links_[slot].first;
  }

  /// The first child of an agent of another shard.
  [[nodiscard]] std::uint32_t first_of_foreign(AgentId parent) const noexcept {
    const auto found = foreign_.find(parent.value());
    return found == foreign_.end() ? kNone : found->second;
  }

  /// True if somebody's parent is on another shard.
  [[nodiscard]] bool has_foreign() const noexcept { return !foreign_.empty(); }

  [[nodiscard]] std::uint32_t next(std::uint32_t slot) const noexcept {
    return links_.empty() ? kNone : links_[slot].next;
  }

  /// The parent's slot, if that is on this shard.
  [[nodiscard]] std::uint32_t parent(std::uint32_t slot) const noexcept {
    return links_.empty() ? kNone : links_[slot].parent;
  }

 private:
  struct Links {
    std::uint32_t parent = kNone;
    std::uint32_t first = kNone;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint64_t foreign = 0;  // the parent's id, where that is on another shard
  };

  void add_foreign(std::uint32_t slot, AgentId parent);
  void unlink(std::uint32_t slot) noexcept;
  void cut_cycles();

  shm::AgentTable table_;
  std::uint32_t endpoint_ = 0;
  std::vector<Links> links_;                                  // by slot
  std::unordered_map<std::uint64_t, std::uint32_t> foreign_;  // first child, by the parent's id
};

}  // namespace mabeam::worker

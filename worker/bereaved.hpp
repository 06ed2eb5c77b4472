// Bereaved: agents of this shard that are being ended since their parents have ended on other
// shards, with all that descend from them (shard_stop_children.cpp). Private memory: which they are
// follows from their slot words and their parents'; only why goes with its owner.
#pragma once

#include "shm/registry.hpp"
#include "shm/segment.hpp"
#include "shm/wire.hpp"

#include "mabeam/ids.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::worker {

class Bereaved {
 public:
  /// The reason of those that an owner has left who is gone.
  static constexpr std::string_view kReason = "parent_stopped";

  /// Finds those that the last owner has left. `shard` from 0 on.
  void open(const shm::Segment& segment, std::uint32_t shard);

  /// What the current message marks as `terminating` is to be ended for that reason.
  void begin_marking(std::string_view reason);

  void mark(AgentId id) { marked_.push_back(id); }

  /// After the commit: what was marked is to be ended.
  void settle();

  /// True if nobody is to be ended.
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

  /// Some that are to be ended next, for one reason.
  struct Batch {
    std::span<const AgentId> roots;  ///< up to kMostInOneMessage
    std::string_view reason;
    bool is_last = false;  ///< there are no others
  };

  /// Forgets who is gone. Valid until the next call of any of these.
  Batch next(const shm::AgentTable& table);

 private:
  using Reason = std::shared_ptr<const std::string>;

  struct Entry {
    AgentId id;
    Reason reason;
  };

  std::vector<Entry> waiting_;  // the last is next
  std::vector<Entry> taken_;
  std::vector<AgentId> batch_;
  std::vector<AgentId> marked_;
  Reason marked_for_;
};

}  // namespace mabeam::worker

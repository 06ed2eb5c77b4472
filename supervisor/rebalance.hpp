// Rebalance: which shard is to move, since one worker is far busier than another, if any.
//
// A look, once an interval, takes how long each shard's turns have taken since the last one
// (shm/metrics.hpp), as a share of that time.
//
//   a pair        the busiest full worker, and the least busy one
//   far busier    busy for half of the time at least, and by a quarter of it more than the other
//   worth a move  the busier of the two is by an eighth less busy then, and still has a shard
//   no flapping   the same worker was the busiest by so much in the look before, too; the look
//   after
//                 a move only measures, and a shard that has moved stays for ten looks
#pragma once

#include "supervisor/event_loop.hpp"
#include "supervisor/placement.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mabeam::supervisor {

struct ShardMove {
  std::uint32_t shard = 0;
  std::uint32_t from = 0;  ///< workers
  std::uint32_t to = 0;
  double from_busy = 0;  ///< shares of the time, before the move
  double to_busy = 0;
};

/// What one look finds to move. `busy`: by shard, 0 to 1. `may_move`: by shard.
std::optional<ShardMove> find_move(const Placement& placement, std::span<const Share> shares,
                                   std::span<const double> busy, const std::vector<bool>& may_move);

class Rebalance {
 public:
  /// When the next look is due.
  [[nodiscard]] bool is_due(Time now, Time interval) const { return now - looked_ >= interval; }

  /// Looks. `busy_ns`: by shard, since ever; a word of the segment, so any number. The move that is
  /// to be made now.
  std::optional<ShardMove> look(Time now, const Placement& placement, std::span<const Share> shares,
                                std::vector<std::uint64_t> busy_ns);

  /// Shards have moved for another reason, or are about to: begins anew.
  void forget() { *this = {}; }

 private:
  std::vector<double> measure(Time now, std::vector<std::uint64_t> busy_ns);

  Time looked_{0};
  std::vector<std::uint64_t> busy_ns_;  // at the last look; empty: there was none
  std::vector<std::uint64_t> stays_;    // by shard: until which look
  std::uint64_t looks_ = 0;
  std::uint32_t suspect_ = kNobody;  // the worker that was far busier at the last look
};

}  // namespace mabeam::supervisor

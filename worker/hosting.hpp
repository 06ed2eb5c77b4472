// Hosting: the shards that this worker runs, and how one passes from worker to worker.
//
//   supervisor   stores the shard's placement, raises Header::placements, rings
//   old owner    between two turns: sees that it is placed elsewhere; LET GO: owner = 0; rings
//   new owner    TAKE: owner 0 -> itself, by compare-exchange; then as after any death
//                (recovery.cpp)
//
// Nothing of the shard moves: its endpoint, rings, agents and what waits in them stay where they
// are, so nothing is lost and nothing changes its order. Whoever sends meanwhile may ring nobody;
// the new owner looks at every ring when it has taken the shard.
//
// A shard is also taken from an owner that is dead for certain: one whose slot has been fenced for
// a later incarnation, which the supervisor does only then. The exchange names the owner that was
// seen, so of two workers that a placement has named one after the other only one takes it.
#pragma once

#include "shm/segment.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace mabeam::worker {

class Hosting {
 public:
  using Shards = std::vector<std::unique_ptr<Shard>>;

  /// The arguments outlive it.
  Hosting(const shm::Segment& segment, const Types& types, shm::CachedClock& clock,
          BurialNotes& notes)
      : segment_(segment),
        types_(types),
        clock_(clock),
        notes_(notes) {}

  /// Takes what is placed on this incarnation, from now on.
  void begin(shm::Incarnation self);

  [[nodiscard]] const Shards& shards() const { return shards_; }

  /// A placement has changed since the last look.
  [[nodiscard]] bool has_changed() const noexcept {
    return seen_ != segment_.header().placements.load(std::memory_order_acquire);
  }

  /// A shard is to come whose owner has not let go. That rings; yet look again, and sleep briefly.
  [[nodiscard]] bool is_waiting() const noexcept { return is_waiting_; }

  /// Between two turns: lets go of what is placed elsewhere, takes what is placed here.
  void look();

  /// For an orderly exit.
  void let_all_go() noexcept;

 private:
  void let_go(Shard& shard) noexcept;
  void look_at(std::uint32_t shard);
  void take(std::uint32_t shard, std::uint64_t owner);
  [[nodiscard]] bool is_placed_here(const shm::EndpointSlot& endpoint) const noexcept;
  [[nodiscard]] bool is_free(shm::Incarnation owner) const noexcept;

  const shm::Segment& segment_;
  const Types& types_;
  shm::CachedClock& clock_;
  BurialNotes& notes_;
  shm::Incarnation self_;
  Shards shards_;
  std::vector<bool> is_here_;     // by shard
  std::vector<bool> is_refused_;  // damaged: not tried again by this incarnation
  std::uint64_t seen_ = 0;        // of Header::placements
  bool is_waiting_ = false;
};

}  // namespace mabeam::worker

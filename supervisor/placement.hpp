// Placement: which worker is to run which shard.
//
// Every full worker gets as many shards as the others, or one more (or, where they are moved by how
// busy they are, a part of them at least); one on trial gets one; who gets none hands over what it
// has. A shard moves only where that needs it: each move is a pause.
#pragma once

#include "shm/segment.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace mabeam::supervisor {

/// How much of the runtime a worker may run.
enum class Share : std::uint8_t {
  none,  ///< its breaker is open, it has failed, or it is to leave
  one,   ///< on trial
  full,
};

inline constexpr std::uint32_t kNobody = UINT32_MAX;

/// By shard: the worker's index, or kNobody.
using Placement = std::vector<std::uint32_t>;

/// How even the numbers of shards have to be.
enum class Evenness : std::uint8_t {
  even,   ///< to one
  loose,  ///< everybody has half of an even part at least: they are placed by how busy they are
};

/// What `current` should become. `shares`: by worker. Where nobody may run anything, nothing moves.
Placement plan_placement(Placement current, std::span<const Share> shares,
                         Evenness evenness = Evenness::even);

/// As the segment has it.
Placement read_placement(const shm::Segment& segment);

/// Stores what differs, and has every worker look at it. Returns how many shards are to move.
std::uint32_t store_placement(const shm::Segment& segment, const Placement& wanted) noexcept;

/// Has every worker look whether a shard has become its own: an owner is dead for certain.
void announce_placement(const shm::Segment& segment) noexcept;

}  // namespace mabeam::supervisor

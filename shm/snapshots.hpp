// Snapshots: whole copies of what others are writing, for those who only look. Each is read until
// it did not change while it was read, a bounded number of times.
#pragma once

#include "shm/segment.hpp"
#include "shm/turn.hpp"

#include "mabeam/observer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace mabeam::shm {

/// "supervisor", "shard 2", "client 0".
std::string endpoint_name(const Segment& segment, std::uint32_t endpoint);

/// The half of a shard's record that is in force.
ShardRecord snapshot_record(const TurnRegion& region) noexcept;

/// The number of the last turn, if it is applied to the last word: only then do words that change
/// together agree. What was seen between two equal answers was seen in one state.
std::optional<std::uint64_t> settled_turn(const TurnRegion& region) noexcept;

/// Where a ring stands. Any number, in a damaged one.
struct RingPositions {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
};

/// Nothing if it kept moving. `ring` is sizeof(RingHeader) bytes or more.
std::optional<RingPositions> snapshot_positions(std::span<const std::byte> ring) noexcept;

/// A time read from the segment, kept where arithmetic with it cannot overflow.
std::int64_t bounded_time(std::int64_t time_ns) noexcept;

/// From `then_ns`, a word of the segment, until now; 0 for a time that was never stored, or is
/// ahead.
double seconds_since(std::uint64_t then_ns, std::int64_t now_ns) noexcept;

/// One worker, shards and agents aside. `sees_processes`: false for a copy of a segment, whose pids
/// mean nothing.
WorkerView snapshot_worker(const WorkerSlot& slot, std::uint32_t index, bool sees_processes);

}  // namespace mabeam::shm

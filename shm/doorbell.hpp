// Doorbell: how a process sleeps in the kernel and is woken by any other, with no wake ever lost.
//
//   sleeper: sleeping = 1 ; FENCE ; r = rings ; rescan everything ; FUTEX_WAIT(rings == r) ;
//   sleeping = 0 sender:  publish ; FENCE ; if sleeping: rings += 1, FUTEX_WAKE
//
// Invariants
//   (1) Either the sender's publish is seen by the sleeper's rescan, or the sleeper's flag is seen
//       by the sender: FENCE on both sides (sequentially consistent) allows no third case.
//   (2) Only the sleeper clears its flag. A sender that dies between the two steps of ring_bell()
//   has
//       hidden nothing: the next sender sees the flag still set and rings (pitfall 2.2).
//   (3) A ring between the sleeper's load of `rings` and its FUTEX_WAIT changes the word, so the
//       wait returns at once.
//   (4) No sleep is unbounded: the caller gives a limit.
//
// Why not std::atomic::wait: libstdc++ makes its futex private to the process (pitfall 2.5).
#pragma once

#include "shm/layout.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace mabeam::shm {

/// FENCE: orders what was published before with the flags read after it. Once a turn.
inline void full_fence() noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Wakes whoever sleeps at the bell. Call after the publish and a full_fence().
inline bool is_sleeping(const Doorbell& bell) noexcept {
  return bell.sleeping.load(std::memory_order_relaxed) != 0;
}

/// Rings without looking at the flag: what an adopter does for the dead (pitfall 2.2).
void ring_bell(Doorbell& bell) noexcept;

inline void ring_if_sleeping(Doorbell& bell) noexcept {
  if (is_sleeping(bell)) [[unlikely]]
    ring_bell(bell);
}

/// Sleeps until rung or until `limit` has passed, unless rescan() finds something to do first.
template <class Rescan>
void sleep_at(Doorbell& bell, std::chrono::nanoseconds limit, Rescan&& rescan);

/// The kernel part of sleep_at(): waits while `rings` is still `seen`.
void futex_wait(Doorbell& bell, std::uint32_t seen, std::chrono::nanoseconds limit) noexcept;

template <class Rescan>
void sleep_at(Doorbell& bell, std::chrono::nanoseconds limit, Rescan&& rescan) {
  bell.sleeping.store(1, std::memory_order_relaxed);
  full_fence();
  const std::uint32_t seen = bell.rings.load(std::memory_order_relaxed);
  if (!rescan()) futex_wait(bell, seen, limit);
  bell.sleeping.store(0, std::memory_order_relaxed);
}

}  // namespace mabeam::shm

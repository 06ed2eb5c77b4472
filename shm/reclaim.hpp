// Reclaiming a client's endpoint: what its owner does when it leaves, and what the supervisor does
// when it has seen the owner dead. One ordered walk, so that both leave the same endpoint behind.
//
//   1 cursors       left in every log, so no writer waits for this reader any more
//   2 subscriptions cleared, then the epoch raised, so publishers stop waking it
//   3 reservation   of agents about to be created: 0
//   4 inbound rings heads moved to the tails; what was unread is counted as refused
//   5 doorbell      nobody sleeps there
//   6 generation    raised: a message for the old one is dropped by the next owner
//   7 claim         compare-exchanged from the old owner to 0: last, and only then is it free
//
// Invariants
//   (1) The walk moves only words that the leaving owner wrote: no live shard's word is touched, so
//   a
//       reply that a shard commits meanwhile lands beyond the heads and is told by its generation.
//   (2) It may stop anywhere and be begun again, by the same or by another: every step stores what
//   it
//       stores again. Repeated, the generation is raised twice, which is as good.
//   (3) Only one process walks at a time: the owner while it lives, then the supervisor.
//
// Positions are never reset: the next owner goes on where this one's rings and log end.
#pragma once

#include "shm/segment.hpp"

#include <cstdint>

namespace mabeam::shm {

/// Frees a client's endpoint. `owner` is dead, or calls this itself. False if the endpoint is no
/// client's or is not `owner`'s: nothing was done.
bool reclaim_endpoint(const Segment& segment, std::uint32_t endpoint, ProcessId owner) noexcept;

}  // namespace mabeam::shm

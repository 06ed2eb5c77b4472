// Leftovers: what goes with a segment that is removed, counted so that nothing is lost unsaid.
#pragma once

#include "shm/segment.hpp"

#include <cstdint>

namespace mabeam::supervisor {

struct Leftovers {
  std::uint64_t agents = 0;    ///< that lived
  std::uint64_t messages = 0;  ///< in rings, not taken, and for suspended agents
  std::uint64_t events = 0;    ///< in logs, that a subscriber has not passed
};

/// Counts them when every worker has ended. A ring or log that is damaged is counted up to
/// the damage.
Leftovers count_leftovers(const shm::Segment& segment);

}  // namespace mabeam::supervisor

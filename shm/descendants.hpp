// Descendants: an agent's children, theirs and so on, on all shards, from the segment alone.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/ids.hpp"

#include <vector>

namespace mabeam::shm {

/// Those that are there now; nobody is asked. One look at every agent of the runtime.
std::vector<AgentId> descendants_of(const Segment& segment, AgentId ancestor);

}  // namespace mabeam::shm

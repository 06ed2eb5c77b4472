// The agent whose handler runs right now, as an observer sees it: derived from the shard's witness
// (turn.hpp), so that nobody has to store it.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/ids.hpp"

#include <cstdint>
#include <optional>

namespace mabeam::shm {

/// What runs on a shard, `shard` from 0 on: a moment old. Nothing where nothing runs, or where what
/// the witness names is not for one agent. The agent may be gone.
std::optional<AgentId> running_agent(const Segment& segment, std::uint32_t shard);

}  // namespace mabeam::shm

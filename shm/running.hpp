// What a shard's handler is at right now, as an observer sees it: derived from the shard's witness
// (turn.hpp), so that nobody has to store it. A worker that a signal kills asks for itself, so
// nothing here allocates or waits.
#pragma once

#include "shm/segment.hpp"
#include "shm/turn.hpp"
#include "shm/wire.hpp"

#include "mabeam/ids.hpp"

#include <cstdint>
#include <optional>

namespace mabeam::shm {

/// What a witness names. Any of it may be wrong, in a damaged segment; the agent may be gone.
struct Running {
  Witness::What what{};
  AgentId agent;             ///< nobody: it is not for one agent
  Kind kind{};               ///< of a message
  Symbol symbol{};           ///< the action, the signal, the topic
  std::uint64_t before = 0;  ///< records of its ring between the head and it: of the same turn
};

/// What runs on a shard, `shard` from 0 on: a moment old. Nothing where nothing runs.
std::optional<Running> running_on(const Segment& segment, std::uint32_t shard);

/// Whose handler that is. Nothing where nothing runs, or where it is not for one agent.
std::optional<AgentId> running_agent(const Segment& segment, std::uint32_t shard);

}  // namespace mabeam::shm

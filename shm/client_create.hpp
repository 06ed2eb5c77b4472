// Creating agents for a client: as many as asked for, or none.
//
// max_agents is of the whole runtime, and no word counts them all, so a creator reserves first: it
// stores how many it is about to make in a word of its own, then sums what lives and what all have
// reserved. Two that race near the limit may both be refused; never are there too many (pitfall
// N4).
#pragma once

#include "shm/client_core.hpp"
#include "shm/wire.hpp"

#include "mabeam/context.hpp"
#include "mabeam/result.hpp"

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

namespace mabeam::shm {

/// Client::create().
Result<std::vector<AgentId>> create_agents(ClientCore& core, std::string_view type,
                                           std::size_t count, const AgentOptions& options,
                                           std::chrono::nanoseconds timeout);

/// What is asked of the shard. Errors: invalid_argument, bad_topic, symbols_full.
Result<CreateRequest> make_create_request(Symbols symbols, std::size_t count,
                                          const AgentOptions& options);

/// The shard of each agent: a name's own, else the least loaded. Errors: too_many_agents.
Result<std::vector<AgentId>> place_agents(const Segment& segment, std::string_view name,
                                          std::size_t count, std::uint32_t first);

}  // namespace mabeam::shm

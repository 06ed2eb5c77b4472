// AgentSearch: agents by what they are, from the segment alone: nobody is asked. Whoever sees a
// runtime can search it, an observer and a client alike. What is returned are copies, a moment old.
#pragma once

#include "shm/registry.hpp"
#include "shm/segment.hpp"

#include "mabeam/observer.hpp"

#include <cstdint>
#include <string_view>

namespace mabeam::shm {

AgentList find_agents(const Segment& segment, const AgentFilter& filter);

/// How many find_agents() would find, without offset and limit.
std::uint64_t count_agents(const Segment& segment, const AgentFilter& filter);

/// One agent's copy. `shard` from 0 on.
AgentView view_of(const Segment& segment, std::uint32_t shard, std::uint32_t slot,
                  const AgentFacts& facts);

/// True if the whole text is of that pattern: `*` is any text, `?` any one byte.
bool matches_name(std::string_view pattern, std::string_view text);

}  // namespace mabeam::shm

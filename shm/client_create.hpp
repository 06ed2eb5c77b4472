// Creating agents for a client: as many as asked for, or none.
//
// One message makes up to kMostInOneMessage of them. What their on_start() does may be too much for
// one turn: those messages are sent again for one agent each.
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
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace mabeam::shm {

/// Told how many agents have been made.
using OnCreated = std::function<void(std::size_t made)>;

/// Client::create(). `on_created` may be none.
Result<std::vector<AgentId>> create_agents(ClientCore& core, std::string_view type,
                                           std::size_t count, const AgentOptions& options,
                                           std::chrono::nanoseconds timeout,
                                           const OnCreated& on_created);

/// What is asked of the shard. Errors: invalid_argument, bad_topic, symbols_full.
Result<CreateRequest> make_create_request(Symbols symbols, std::size_t count,
                                          const AgentOptions& options);

/// The payload of a create: the request, then what is noted of each agent, as long as the request
/// says, then the state to begin with.
std::vector<std::byte> create_payload(const CreateRequest& request, std::string_view metadata,
                                      std::span<const std::byte> initial);

/// How many of them each shard gets: a name's own shard, else the least loaded ones, counted from
/// `first` on where they are equal. Shards of workers over their soft limit get none.
/// Errors: too_many_agents, over_limit.
Result<std::vector<std::uint64_t>> place_agents(const Segment& segment, std::string_view name,
                                                std::size_t count, std::uint32_t first);

/// How many agents may be asked for in one message: the words of all have to fit into one turn.
std::uint32_t agents_per_message(const CreateRequest& request);

}  // namespace mabeam::shm

// ClientBulk: one question to many agents, with one deadline and many in flight.
//
// Stops of one shard's agents share messages, up to kMostInOneMessage each. What a shard cannot end
// together with others, since it would be too much for one turn or one of them fails, is asked for
// alone.
#pragma once

#include "shm/client_core.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace mabeam::shm {

/// An answer to a message for many agents that one for fewer need not get.
constexpr bool is_too_much_at_once(Errc code) {
  return code == Errc::too_many_changes || code == Errc::message_too_large;
}

/// Client::stop_agents().
std::vector<Result<>> stop_many(ClientCore& core, std::span<const AgentId> agents,
                                std::int64_t deadline_ns);

using OnAnswer = std::function<void(std::size_t index, Result<ClientReply>& answer)>;

/// Client::call_many(): `form` has symbol, content and payload; where there are `payloads`, each
/// agent has its own.
void call_many(ClientCore& core, std::span<const AgentId> agents, const Outgoing& form,
               std::span<const PayloadRef> payloads, std::int64_t deadline_ns,
               const OnAnswer& on_answer);

/// Client::send_many(): `form` is the signal but for its target.
std::size_t send_many(ClientCore& core, std::span<const AgentId> agents, const Outgoing& form,
                      std::int64_t until_ns);

}  // namespace mabeam::shm

// What is behind a Client.
#pragma once

#include "shm/client_core.hpp"

#include "mabeam/client.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace mabeam {

struct Client::Impl : shm::ClientCore {
  using ClientCore::ClientCore;

  /// Asks a shard to do something with one of its agents.
  Result<> order(shm::Kind kind, AgentId agent, std::span<const std::byte> payload,
                 std::chrono::nanoseconds timeout) {
    shm::Outgoing question{kind, Priority::normal, {}, payload};
    question.header.target = agent.value();
    question.header.content = static_cast<std::uint32_t>(Content::bytes);
    const Result<ClientReply> reply = ask(question, timeout);
    if (!reply) return fail(reply.error());
    return {};
  }
};

}  // namespace mabeam

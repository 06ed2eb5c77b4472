// ClientCore: what a client consists of, and the two things that all of its calls do: send, waiting
// for room, and ask, waiting for the answer.
#pragma once

#include "shm/block_writer.hpp"
#include "shm/call_breakers.hpp"
#include "shm/client_calls.hpp"
#include "shm/client_emitter.hpp"
#include "shm/client_endpoint.hpp"
#include "shm/client_events.hpp"
#include "shm/client_sender.hpp"
#include "shm/client_tracer.hpp"
#include "shm/client_wait.hpp"
#include "shm/rates.hpp"
#include "shm/retry.hpp"
#include "shm/segment.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>

namespace mabeam::shm {

struct ClientCore {
  ClientCore(Segment mapped, ClientClaim claim, WaitMode mode);
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  /// Errors: corrupt.
  Result<> open();

  /// Sends, waiting for room until `until_ns`; 0 is not at all. What is refused is counted.
  /// Errors: as ClientSender::try_send(), not_running.
  Result<> send(const Outgoing& message, std::int64_t until_ns);

  /// Sends a request and waits for its answer. The target, symbol and payload are the caller's.
  /// Errors: as send(), timed_out, and what was answered.
  Result<ClientReply> ask(const Outgoing& question, std::chrono::nanoseconds timeout);

  /// Sends a request, waiting for room until `until_ns`; 0 is not at all. Returns its correlation,
  /// to be asked of `calls`, and given up at `deadline_ns`. Errors: as send(), not_found,
  /// circuit_open and rate_limited (of a call).
  Result<std::uint64_t> begin_asking(Outgoing question, std::int64_t deadline_ns,
                                     std::int64_t until_ns);

  /// May a call be made of that agent? Errors: circuit_open, rate_limited.
  Result<> may_call(AgentId agent);

  /// Gives up a request whose time is up: its shard may be one that nobody serves.
  void give_up(std::uint64_t correlation, std::uint32_t shard);

  /// Emits, waiting for room until `until_ns`; 0 is not at all. What is refused is counted.
  /// Errors: as ClientEmitter::try_emit(), not_running, rate_limited.
  Result<> emit(Symbol topic, const PayloadRef& payload, std::int64_t until_ns);

  /// True if that agent lives. Never for what is no agent.
  [[nodiscard]] bool is_agent(AgentId id) const { return segment.is_alive(id); }

  /// Takes in what has come, and ends the agents of creates that were given up.
  void tidy();

  /// The same, every kTidyEvery uses: a client that never waits must not let its rings fill up,
  /// since that would hold up the shards of agents that send to it.
  void tidy_sometimes() {
    if (++uses_ % kTidyEvery == 0) tidy();
  }

  /// The id of a name. What is refused is counted. Errors: as Symbols::intern().
  Result<Symbol> intern(std::string_view name);

  /// The error branch of a send or an emit.
  tl::unexpected<Error> refuse(Error error) const;

  Segment segment;
  ClientEndpoint endpoint;
  Symbols symbols;
  BlockWriter blocks;
  ClientTracer tracer;
  ClientSender sender;
  ClientCalls calls;
  ClientEmitter emitter;
  ClientEvents events;
  ClientWaiter waiter;
  Rates rates;
  CallBreakers breakers;
  RetryBudget retry_budget;
  std::minstd_rand random{std::random_device{}()};

 private:
  static constexpr std::uint32_t kTidyEvery = 32;
  std::uint32_t uses_ = 0;
};

}  // namespace mabeam::shm

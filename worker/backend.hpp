// What stands behind a Context: the shard, the agent that is running, and the message it runs on.
#pragma once

#include "shm/agent_search.hpp"
#include "shm/breaker.hpp"
#include "shm/wire.hpp"
#include "worker/shard.hpp"

#include "mabeam/context.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mabeam {

struct Context::Backend {
  worker::Shard& shard;
  AgentId self;
  const shm::Received* message = nullptr;  ///< null in on_start and on_stop
  bool replied = false;
  bool replies_later = false;
  bool wants_stop = false;
  const ReplyTo* task = nullptr;  ///< whom the coroutine that goes on is to answer
  TimerId awaited{};              ///< the call that a coroutine waits for now

  [[nodiscard]] std::int64_t now_ns() const { return shard.clock_.now_ns(); }

  [[nodiscard]] std::uint32_t attempt() const { return shard.attempt_; }

  [[nodiscard]] std::optional<TraceContext> trace() const {
    const TraceContext* context = shard.tracer_.context();
    return context == nullptr ? std::nullopt : std::optional{*context};
  }

  Result<Symbol> symbol(std::string_view name) { return shard.symbols_.intern(name); }

  /// Claims a signal.
  Result<> send(AgentId to, Symbol symbol, const PayloadRef& payload, SendOptions options);

  // context_calls.cpp: requests, from either side
  Result<std::uint64_t> call(AgentId to, Symbol action, const PayloadRef& payload,
                             const SendOptions& options, const ReplyTo* asked = nullptr);
  Result<std::uint64_t> call_with_timer(shm::MessageHeader header, const PayloadRef& payload,
                                        const SendOptions& options, const ReplyTo* asked);
  Result<> send_request(const shm::MessageHeader& header, const PayloadRef& payload,
                        Priority priority, bool may_wait);
  Result<> call_and_wait(AgentId to, Symbol action, const PayloadRef& payload,
                         const SendOptions& options);
  Result<> keep_task(std::unique_ptr<glue::TaskFrame> frame);
  [[nodiscard]] Result<> may_call(AgentId to);
  [[nodiscard]] ReplyTo asked() const;
  Result<> cancel_call(std::uint64_t correlation);
  Result<ReplyTo> reply_later();
  Result<> reply_to(const ReplyTo& to, Errc code, const PayloadRef& payload);
  [[nodiscard]] std::int64_t deadline_of_call(const SendOptions& options);
  [[nodiscard]] bool fits_a_reply(const PayloadRef& payload) const;

  [[nodiscard]] Result<> may_emit() {
    return shard.rates_.take(shm::RateKind::event_emission, 1,
                             [this] { return shard.agents_.table().record(self.slot()).type; });
  }

  Result<> emit(Symbol topic, const PayloadRef& payload, EmitOptions options);
  Result<AgentId> create(std::string_view type, const AgentOptions& options);

  Result<> update_metadata(std::string_view metadata) {
    return shard.update_metadata(self, metadata);
  }

  [[nodiscard]] std::string metadata() const {
    return std::string{shard.agents_.metadata(self.slot())};
  }

  Result<> subscribe(std::string_view pattern, AgentId source);
  Result<> unsubscribe(std::string_view pattern, std::optional<AgentId> source);
  Result<TimerId> set_timer(std::string_view name, std::chrono::nanoseconds delay,
                            std::chrono::nanoseconds period);
  Result<> cancel_timer(TimerId timer);
  Result<> reply(const PayloadRef& payload);

  [[nodiscard]] std::uint32_t most_state_bytes() const { return shard.agents_.most_state_bytes(); }

  Result<CircuitBreaker> breaker(std::string_view name) {
    const Result<Symbol> known = symbol(name);
    if (!known) return fail(known.error());
    const auto slot = shm::find_breaker(shard.segment_.named_breakers(), *known);
    if (!slot) return fail(slot.error());
    return CircuitBreaker{**slot, shard.segment_.header().tunables,
                          std::chrono::nanoseconds{now_ns()}};
  }

  [[nodiscard]] Result<AgentId> find(std::string_view name) const {
    return shard.segment_.find_agent(name);
  }

  [[nodiscard]] AgentList find_agents(const AgentFilter& filter) const {
    return shm::find_agents(shard.segment_, filter);
  }
};

}  // namespace mabeam

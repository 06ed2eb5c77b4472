// Context: what a handler may do. Everything it does is claimed, not visible: the turn publishes
// all of it by one store when the handler has returned without an error, and forgets all of it
// otherwise.
//
// A Context belongs to the handler call that it was given to, and to that call's thread.
#pragma once

#include "mabeam/breaker.hpp"
#include "mabeam/export.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"
#include "mabeam/result.hpp"
#include "mabeam/trace.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mabeam {

struct AgentFilter;  // mabeam/observer.hpp

namespace glue {
class TaskFrame;  // mabeam/task.hpp
}

/// How an agent is made.
struct AgentOptions {
  /// Up to 63 bytes without control characters, unique in the runtime; empty is no name. Not 16
  /// hexadecimal digits: those are an id.
  std::string_view name = {};
  std::span<const std::string_view> subscribe = {};     ///< patterns, in force when it is ready
  std::span<const std::string_view> capabilities = {};  ///< up to 8
  /// A living agent, on whichever shard, with which this one may be stopped
  /// (StopOptions::children). Nobody: what a handler makes is its own agent's child, and what a
  /// client makes is nobody's.
  AgentId parent = {};
  /// The state that it begins with, as its type keeps it: the bytes of a State that is trivially
  /// copyable, of exactly its size, or what its deserialize() reads. on_start() finds it in place.
  /// Empty is State{}. It is used once: a fresh state, after a restart, is State{} again.
  PayloadRef initial = {};
  /// A text of up to 255 bytes, none of them 0, that is noted beside the state: JSON, say. The
  /// runtime does not read it; observers do, and `mabeam inspect` shows it, with bytes that are no
  /// UTF-8 replaced. It outlives restarts of agent and worker. Empty is none. Each shard has room
  /// for that of an eighth of its agents, 63 at least.
  std::string_view metadata = {};
};

class MABEAM_API Context {
 public:
  /// Worker-side state behind this handle; opaque to users.
  struct Backend;

  explicit Context(Backend& backend) : backend_(backend) {}

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] AgentId self() const;
  /// CLOCK_MONOTONIC, read once when the message was taken: the same for a whole handler.
  [[nodiscard]] std::chrono::nanoseconds now() const;
  /// 1 for the first time this message is handled, more after a crash or a full ring.
  [[nodiscard]] std::uint32_t attempt() const;

  /// The trace that the message belongs to, and this handler's span in it; nothing if it is not
  /// traced. All that the handler sends, calls, emits, answers and creates belongs to it anyway:
  /// this is for what leaves the runtime, as to_traceparent().
  [[nodiscard]] std::optional<TraceContext> trace() const;

  /// The id of a name, to be kept and used instead of the name where speed counts.
  /// Errors: symbols_full, invalid_argument (over 255 bytes).
  Result<Symbol> symbol(std::string_view name);

  /// Sends a signal. A full ring undoes the whole message and has it tried again later: the handler
  /// sees backpressure and should return it. SendOptions::when_full says otherwise.
  /// Errors: backpressure, payload_too_large, not_found (no such endpoint), symbols_full,
  /// message_too_large (with what this handler has sent before, more than an empty ring holds).
  Result<> send(AgentId to, std::string_view signal, const PayloadRef& payload = {},
                SendOptions options = {});
  Result<> send(AgentId to, Symbol signal, const PayloadRef& payload = {},
                SendOptions options = {});

  /// Sends a signal to all agents that a filter matches at this moment, this one among them, and
  /// returns to how many. More of them in one shard than a ring has room for are too many: give the
  /// filter an offset and a limit. Errors: as send().
  Result<std::size_t> send_matching(const AgentFilter& filter, std::string_view signal,
                                    const PayloadRef& payload = {}, SendOptions options = {});

  /// Asks for an action; the answer comes to on_reply() with the returned correlation.
  ///
  /// In the handler of a request the call has that request's deadline, if its own is not earlier:
  /// who is not waited for any more need not ask (SendOptions::is_detached says otherwise).
  /// A call with a deadline is answered exactly once, whatever dies: by its agent, or at its
  /// deadline with timed_out; what comes later is dropped and counted as refused. Each takes one of
  /// the shard's timers until then, and ends with its agent, or where that is restarted. A call
  /// without any deadline waits for ever. One that overflows (WhenFull::wait), with a deadline or
  /// without, is told backpressure, once, 100 ms later or at its deadline: then nobody answers it
  /// any more, though its dead letter be replayed. Until then it takes a timer, too.
  /// Errors: as send(); timers_full, rate_limited, circuit_open (nobody serves the agent's shard;
  /// nothing has been sent), too_many_changes (over 128 calls that take timers in a handler).
  /// Without a deadline, timers_full and too_many_changes only where the call would overflow.
  Result<std::uint64_t> call(AgentId to, std::string_view action, const PayloadRef& payload = {},
                             SendOptions options = {});
  Result<std::uint64_t> call(AgentId to, Symbol action, const PayloadRef& payload = {},
                             SendOptions options = {});

  /// Gives up a call that has a deadline: there will be no on_reply() for it. If its agent has not
  /// taken it by the time it hears of that, it never does; that much is best effort.
  /// Errors: not_found (no such call of this agent waits), backpressure, too_many_changes.
  Result<> cancel(std::uint64_t correlation);

  /// Emits an event; a full log as a full ring of send().
  /// Errors: backpressure, payload_too_large, bad_topic, symbols_full, rate_limited.
  Result<> emit(std::string_view topic, const PayloadRef& payload = {}, EmitOptions options = {});
  Result<> emit(Symbol topic, const PayloadRef& payload = {}, EmitOptions options = {});

  /// Creates an agent on this shard; it exists when this message commits, and has this one for its
  /// parent (unless options.parent says another), which hears of its failure (OnFailure::stop). A
  /// name decides the shard, so a handler cannot name the agent it makes: a client can.
  /// Errors: unknown_type, not_found (the parent), too_many_agents, too_many_changes,
  /// invalid_argument, bad_topic, subscriptions_full, symbols_full, schema_mismatch (`initial` is
  /// no state of that type), metadata_full, over_limit, rate_limited.
  Result<AgentId> create(std::string_view type, const AgentOptions& options = {});

  /// Notes other metadata of this agent (AgentOptions::metadata), when this message commits; empty
  /// removes it. Tells of it by the event agent.updated, unless it is noted already. An agent that
  /// has some can always be given other.
  /// Errors: invalid_argument, metadata_full, too_many_changes.
  Result<> update_metadata(std::string_view metadata);
  /// What is noted of this agent, as this message has left it; empty is nothing.
  [[nodiscard]] std::string metadata() const;

  /// Ends this agent when this message commits; on_stop() runs first. The agents that it has
  /// created live on without a parent; Client::stop() with StopOptions::children ends them, too.
  Result<> stop();

  /// Subscribes this agent to a pattern: tokens split by '.', `*` is one, `>` is the rest. Once
  /// more to the same pattern changes nothing. With a `source` it gets only what that agent or
  /// client emits: the same pattern with another source is another subscription, and an event comes
  /// once, however many it matches. Errors: bad_topic, subscriptions_full, symbols_full,
  /// too_many_changes.
  Result<> subscribe(std::string_view pattern, AgentId source = {});
  /// Ends all subscriptions to a pattern, whatever their sources; or the one of a `source`.
  Result<> unsubscribe(std::string_view pattern);
  Result<> unsubscribe(std::string_view pattern, AgentId source);

  /// Has on_timer() called once after `delay`, then every `period` if that is not 0, until it is
  /// cancelled or this agent ends or is restarted, whatever dies meanwhile. It is set when this
  /// message commits. A late one fires once and goes on from then; a period under a microsecond
  /// keeps the worker busy.
  /// Errors: timers_full, symbols_full, too_many_changes, invalid_argument (a negative time, or a
  /// type without on_timer()).
  Result<TimerId> set_timer(std::string_view name, std::chrono::nanoseconds delay,
                            std::chrono::nanoseconds period = {});
  /// Errors: not_found (another agent's, or it has fired for the last time), too_many_changes.
  Result<> cancel_timer(TimerId timer);

  /// The breaker of that name (breaker.hpp), which is made if there is none; there is room for 64.
  /// Errors: breakers_full, symbols_full, invalid_argument (the name).
  Result<CircuitBreaker> breaker(std::string_view name);

  /// The agent of that name. Errors: not_found.
  [[nodiscard]] Result<AgentId> find(std::string_view name) const;

  /// Sets this call's reply; what a typed on_action() returns comes through here.
  /// Errors: payload_too_large.
  Result<> reply(const PayloadRef& payload);

  /// Leaves the request that is handled unanswered for now: what on_action() returns is dropped,
  /// unless it is an error, which is the answer. Keep the result in State. Who never answers lets
  /// the caller wait until its deadline.
  /// Errors: invalid_argument (no request is handled, or it has been answered).
  Result<ReplyTo> reply_later();
  /// Answers a request of earlier. Harmless where the caller is gone or has been told timed_out,
  /// and once more after an answer: then nobody gets it. (Only an agent whose call had no deadline
  /// would get two.) Errors: payload_too_large, backpressure, invalid_argument (an empty ReplyTo).
  Result<> reply(const ReplyTo& to, const PayloadRef& payload = {});
  /// The same with an error: the caller is told that. Errors: as reply().
  Result<> refuse(const ReplyTo& to, Errc why);

  // ---- for describe_type() alone: a state that is kept serialized, as its hook was given it

  /// Its bytes. Errors: corrupt.
  [[nodiscard]] Result<std::span<const std::byte>> stored_state(const void* stored) const;
  /// Where its next bytes go, over those that it has.
  [[nodiscard]] std::span<std::byte> room_for_state(void* stored) const;
  /// So many of them are its bytes from now on.
  void keep_state(void* stored, std::size_t bytes);

  // ---- for task.hpp alone

  /// Claims a call that the coroutine that runs is to wait for. Errors: as call().
  Result<> call_and_wait(AgentId to, Symbol action, const PayloadRef& payload,
                         const SendOptions& options);
  /// Keeps the coroutine that has begun until its call is answered; it answers this message later.
  Result<> keep_task(std::unique_ptr<glue::TaskFrame> task);

 private:
  Backend& backend_;
};

}  // namespace mabeam

// Client: a process that creates agents and talks to them.
//
//   mabeam::Result<mabeam::Client> client = mabeam::Client::attach("prod", {});
//   auto reply = client->call(*client->find("jobs"), "increment", 5, std::chrono::seconds{1});
//
// A client owns one endpoint of the runtime for as long as it lives. Its sends are published at
// once: it makes no turns. One thread at a time; a forked child must attach again (the mapping is
// not inherited). A client may be killed at any instruction: what it had sent stays sent.
#pragma once

#include "mabeam/context.hpp"
#include "mabeam/export.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"
#include "mabeam/observer.hpp"
#include "mabeam/requests.hpp"
#include "mabeam/result.hpp"
#include "mabeam/trace.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam {

/// How a client waits for an answer.
enum class WaitMode : std::uint8_t {
  spin,   ///< polls until the deadline: lowest latency, a whole core
  block,  ///< polls briefly, then sleeps until it is rung
};

struct ClientOptions {
  WaitMode wait = WaitMode::block;
  /// How long to wait for a runtime that is starting, or for a client endpoint to come free.
  std::chrono::nanoseconds attach_timeout = std::chrono::seconds{1};
};

/// An event as Client::poll_events() hands it out; views valid during the call.
struct EventView {
  std::string_view topic;
  Payload payload;
  AgentId source;
  std::uint64_t sequence = 0;   ///< position in its emitter's log, from 0 on
  std::int64_t emitted_ns = 0;  ///< CLOCK_MONOTONIC
};

/// What a subscription of a client is told when it reads too slowly.
enum class Delivery : std::uint8_t {
  /// The emitters wait for this client, up to stall_timeout: then it is evicted, and told how many
  /// events it has missed. One that does not poll costs an emitter nothing until a whole log lies
  /// before it, then that wait, once: nobody waits for it again before it has polled.
  reliable,
  /// Nobody waits: what is overwritten before it was read is missed, and told.
  latest,
};

struct SubscribeOptions {
  Delivery delivery = Delivery::reliable;
  AgentId source = {};                         ///< only what this agent or client emits
  std::optional<std::uint32_t> endpoint = {};  ///< only what this endpoint emits
};

/// How an agent is ended.
struct StopOptions {
  /// Ends its children, too (AgentOptions::parent), and theirs, and so on, on all shards. From the
  /// first turn on the agent takes no more messages and gets no more children. At most 64 end in a
  /// turn of a shard, each with its on_stop(): children before their parents on one shard, and
  /// after them on others. A crash in the middle changes nothing: the rest is ended afterwards.
  /// The children of one that stops by itself meanwhile live on.
  bool children = false;
  /// Up to 47 bytes; told by the event agent.stopped. Of descendants on another shard it may be
  /// `parent_stopped` instead, where the worker died in the middle.
  std::string_view reason = {};
};

/// How an agent is started anew.
struct RestartOptions {
  bool keep_state = false;  ///< false: the state is made afresh
  /// What it begins with, as AgentOptions::initial; not with keep_state. Empty: State{}.
  PayloadRef initial = {};
};

/// What became of Client::wait_delivered().
struct DeliveryStatus {
  std::uint64_t accepted = 0;   ///< events this client has emitted
  std::uint64_t delivered = 0;  ///< of those, what had subscribers and was passed by all of them
                                ///< (nobody waits for one that is subscribed as `latest`)
  std::uint64_t pending = 0;    ///< of those, what a subscriber has still to pass; 0: complete
  /// Of those, what a subscriber will never get: it held the log for stall_timeout, and was
  /// evicted.
  std::uint64_t missed = 0;
};

class MABEAM_API Client {
 public:
  /// Errors: not_found (no such runtime), not_running, too_many_clients, bad_permissions,
  /// incompatible, byte_order, truncated, corrupt, invalid_argument (the name).
  static Result<Client> attach(std::string_view runtime, ClientOptions options = {});

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  [[nodiscard]] AgentId id() const;

  /// Creates `count` agents and returns when all are ready and their subscriptions in force, or
  /// none: if one is refused, those made before it are stopped again. A name needs count 1.
  /// Errors: not_found (the parent), unknown_type, too_many_agents, name_taken, bad_topic,
  /// subscriptions_full, symbols_full, invalid_argument, timed_out, not_running, schema_mismatch
  /// (options.initial is no state of that type), state_too_large, message_too_large, metadata_full,
  /// over_limit, rate_limited.
  Result<std::vector<AgentId>> create(std::string_view type, std::size_t count = 1,
                                      const AgentOptions& options = {},
                                      std::chrono::nanoseconds timeout = std::chrono::seconds{10});
  /// The same; meanwhile on_progress(made) is told how many have been made, time and again.
  Result<std::vector<AgentId>> create(std::string_view type, std::size_t count,
                                      const AgentOptions& options, std::chrono::nanoseconds timeout,
                                      const std::function<void(std::size_t)>& on_progress);

  /// Ends an agent and waits until it is gone. Errors: not_found, timed_out, backpressure,
  /// too_many_changes (its on_stop() made too much: it lives on).
  Result<> stop(AgentId agent, std::chrono::nanoseconds timeout = std::chrono::seconds{5});
  /// The same, as said. With children it waits until all of them are gone that were there when it
  /// was called, for which it looks at every agent once; they are ended all the same when the time
  /// is up. A second call waits for the rest as long as the agent itself is there.
  /// Errors: as above; invalid_argument (the reason), handler_failed (an on_stop() killed its
  /// worker time and again: all are gone, some without on_stop()).
  /// A shard that takes no messages for stall_timeout is told of its part by a dead letter
  /// (`overflow`, to be replayed) and keeps its agents until then: timed_out.
  Result<> stop(AgentId agent, const StopOptions& options,
                std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// Starts an agent anew: on_stop(), a fresh state unless it is kept, on_start(). Its id, name,
  /// subscriptions and children stay; its timers are cancelled. If on_start() fails, nothing has
  /// happened.
  /// A suspended agent is resumed by it, unless it was suspended by request.
  /// Errors: not_found, timed_out, backpressure, unknown_type, incompatible (a state of another
  /// version or size that is to be kept), state_too_large, too_many_changes (over 128 timers),
  /// invalid_argument (a state that is kept and given), schema_mismatch (`initial` is none of its
  /// type's), message_too_large, and what on_start() returned.
  Result<> restart(AgentId agent, const RestartOptions& options = {},
                   std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// Ends many agents, with one deadline. The results are in the order of `agents`.
  /// Errors of each: as stop(), not_running; timed_out leaves open whether it was ended.
  std::vector<Result<>> stop_agents(std::span<const AgentId> agents,
                                    std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// Suspends an agent: messages and events for it wait in its shard's parking log, in order, until
  /// it is resumed; requests as long as their deadline. A full log refuses requests
  /// (suspended); what else does not fit is a dead letter (overflow).
  /// Errors: not_found, timed_out, backpressure.
  Result<> suspend(AgentId agent, std::chrono::nanoseconds timeout = std::chrono::seconds{5});
  /// Resumes it, whatever it was suspended for: what has waited is handled before anything newer.
  /// Errors: not_found, timed_out, backpressure.
  Result<> resume(AgentId agent, std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// Notes other metadata of an agent (AgentOptions::metadata), suspended or not; empty removes it.
  /// Tells of it by the event agent.updated, unless it is noted already, so that it may be asked
  /// for again. An agent that has some can always be given other.
  /// Errors: not_found, invalid_argument, metadata_full, timed_out, backpressure.
  Result<> update_metadata(AgentId agent, std::string_view metadata,
                           std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// What is noted of an agent, read from the segment without asking anybody; empty is nothing.
  /// Errors: not_found.
  [[nodiscard]] Result<std::string> metadata(AgentId agent) const;

  /// Calls an action and waits for its answer. Errors: unknown_action, handler_failed,
  /// schema_mismatch, not_found, timed_out, backpressure, payload_too_large, symbols_full,
  /// rate_limited, circuit_open (nobody serves the agent's shard; nothing has been sent).
  Result<ClientReply> call(AgentId agent, std::string_view action, const PayloadRef& payload = {},
                           std::chrono::nanoseconds timeout = std::chrono::seconds{5});
  Result<ClientReply> call(AgentId agent, Symbol action, const PayloadRef& payload,
                           std::chrono::nanoseconds timeout);
  /// The same, as said: tried again where that is allowed (CallOptions). Retries share a budget of
  /// this client: up to 10 and a fifth of its calls of such options, in 10 s; then the error of the
  /// attempt is returned. Errors: as above, not_running.
  Result<ClientReply> call(AgentId agent, std::string_view action, const PayloadRef& payload,
                           const CallOptions& options);

  /// Sends a request and returns at once: up to 64 may be in flight to the agents of one shard.
  /// Errors: not_found, backpressure, payload_too_large, symbols_full, not_running,
  /// invalid_argument (the action), timed_out (no timeout).
  Result<PendingCall> call_async(AgentId agent, std::string_view action,
                                 const PayloadRef& payload = {}, const CallOptions& options = {});
  Result<PendingCall> call_async(AgentId agent, Symbol action, const PayloadRef& payload,
                                 const CallOptions& options);

  // Batches: claimed together, then published and announced once for each ring. The results are in
  // the order of the items, and so are the messages of each ring. A handler needs none: all that it
  // sends is published by its turn at once, or not at all.

  /// Errors of each: as emit(); a batch of one piece (Atomic::yes) may take half of the log.
  std::vector<Result<>> emit_batch(std::span<const EventItem> events,
                                   const BatchOptions& options = {});
  /// Errors of each: as send(). After one that found its ring full none goes there.
  std::vector<Result<>> send_batch(std::span<const SignalItem> signals,
                                   const BatchOptions& options = {});
  /// Errors of each: as call(); of one piece (Atomic::yes), no more than 64 and half of a ring may
  /// go to the agents of one shard: message_too_large.
  std::vector<Result<ClientReply>> call_batch(
      std::span<const CallItem> calls, std::chrono::nanoseconds timeout = std::chrono::seconds{5},
      Atomic atomic = Atomic::no);

  /// What an agent's state says, in its type's own words: JSON. Changes nothing.
  /// Errors: not_found, unknown_action (its type has no describe()), handler_failed, incompatible,
  /// payload_too_large, unknown_type, timed_out, backpressure.
  Result<std::string> describe(AgentId agent,
                               std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// Delivers a dead letter again, exactly once: by one commit its handler's effects show and it is
  /// settled. It bears its first sender's name and has no deadline. A request is this client's, and
  /// its answer is returned; its first caller was told already that there is none. What is refused
  /// waits on.
  /// Errors: not_found (settled, or it has given way), closed (its agent is gone), not_replayable,
  /// timed_out (it may be settled all the same), backpressure, and those of a call.
  Result<ClientReply> replay_dead_letter(DeadLetterId letter,
                                         std::chrono::nanoseconds timeout = std::chrono::seconds{
                                             5});

  /// Gives a dead letter up. Errors: not_found, timed_out, backpressure.
  Result<> drop_dead_letter(DeadLetterId letter,
                            std::chrono::nanoseconds timeout = std::chrono::seconds{5});
  using OnAnswer = std::function<void(std::size_t index, Result<ClientReply>& answer)>;

  /// Calls an action of many agents, many calls in flight, with one deadline for all. Hands out the
  /// answer of each agent, in the order in which they come; agents are numbered as in `agents`.
  /// Errors of each: as call(), not_running. Errors: symbols_full, invalid_argument (the action).
  Result<> call_many(std::span<const AgentId> agents, std::string_view action,
                     const PayloadRef& payload, std::chrono::nanoseconds timeout,
                     const OnAnswer& on_answer);
  /// The same, when all have answered: the answers are in the order of `agents`.
  Result<std::vector<Result<ClientReply>>> call_many(
      std::span<const AgentId> agents, std::string_view action, const PayloadRef& payload = {},
      std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// What a function makes for the agent of that number; refers to what outlives the call.
  using PayloadOf = std::function<PayloadRef(std::size_t index)>;

  /// Changes the states of many agents, each by a payload of its own: call_many() with what
  /// `payload_of` makes for each of them, before the first is sent. A state is changed by its
  /// type's handler alone, in a turn, exactly once; one refusal changes nothing for the others.
  /// The answers are in the order of `agents`. Errors: as call_many().
  Result<std::vector<Result<ClientReply>>> update_states(
      std::span<const AgentId> agents, std::string_view action, const PayloadOf& payload_of,
      std::chrono::nanoseconds timeout = std::chrono::seconds{5});

  /// Sends a signal to many agents. Waits for room up to `wait` in all, unless options.when_full
  /// says otherwise; 0 is not at all. Returns how many were accepted: not those that are gone, nor
  /// those for which there was no room, also where they were dropped.
  /// Errors: symbols_full, invalid_argument (the signal).
  Result<std::size_t> send_many(std::span<const AgentId> agents, std::string_view signal,
                                const PayloadRef& payload = {}, SendOptions options = {},
                                std::chrono::nanoseconds wait = {});

  /// Sends a signal to all agents that a filter matches at this moment; as send_many().
  Result<std::size_t> send_matching(const AgentFilter& filter, std::string_view signal,
                                    const PayloadRef& payload = {}, SendOptions options = {},
                                    std::chrono::nanoseconds wait = {});

  /// Sends a signal. Waits for room up to `wait`, unless options.when_full says otherwise; 0 is not
  /// at all.
  /// Errors: backpressure, payload_too_large, not_found, symbols_full.
  Result<> send(AgentId agent, std::string_view signal, const PayloadRef& payload = {},
                SendOptions options = {}, std::chrono::nanoseconds wait = {});
  Result<> send(AgentId agent, Symbol signal, const PayloadRef& payload = {},
                SendOptions options = {}, std::chrono::nanoseconds wait = {});

  /// Emits an event. Waits for room up to `wait`; 0 is not at all.
  /// Errors: backpressure, payload_too_large, bad_topic, symbols_full, rate_limited.
  Result<> emit(std::string_view topic, const PayloadRef& payload = {},
                std::chrono::nanoseconds wait = {});
  Result<> emit(Symbol topic, const PayloadRef& payload = {}, std::chrono::nanoseconds wait = {});
  /// The same, as said (WhenFull): only one that waits does so up to `wait`.
  Result<> emit(std::string_view topic, const PayloadRef& payload, const EmitOptions& options,
                std::chrono::nanoseconds wait = {});

  /// Sends a past event to one agent, whose on_event() gets it whatever it is subscribed to, with
  /// Event::is_replayed(). Waits for room up to `wait`; 0 is not at all. Those that one client
  /// sends come once each, and in its order. Errors: backpressure, payload_too_large, not_found,
  /// bad_topic, symbols_full.
  Result<> replay(AgentId agent, const HistoryEvent& event, std::chrono::nanoseconds wait = {});

  /// Waits until every subscriber has passed all that this client has emitted, or until the
  /// timeout.
  DeliveryStatus wait_delivered(std::chrono::nanoseconds timeout);

  /// The agent of that name, or of that id in 16 hexadecimal digits. Errors: not_found.
  [[nodiscard]] Result<AgentId> find(std::string_view name) const;

  /// The agents that a filter matches, read from the segment without asking anybody.
  [[nodiscard]] AgentList find_agents(const AgentFilter& filter = {}) const;
  /// How many they are, whatever offset and limit.
  [[nodiscard]] std::uint64_t count_agents(const AgentFilter& filter = {}) const;

  /// Which of the messages that this client sends from now on are traced (mabeam/trace.hpp): its
  /// calls, signals, events, creates, and orders to agents. Without this, as many as is sampled.
  void set_tracing(const Tracing& tracing);
  /// What the last of those messages bore; nothing if it was not traced. Of a batch or of a call
  /// that was tried again: the last one's.
  [[nodiscard]] std::optional<TraceContext> last_trace() const;

  /// The id of a name. Errors: symbols_full, invalid_argument.
  Result<Symbol> symbol(std::string_view name);

  /// Subscribes this client from now on; its events come out of poll_events().
  /// Errors: bad_topic, symbols_full, subscriptions_full.
  Result<> subscribe(std::string_view pattern);
  /// The same, as said. An event is handed out once, however many subscriptions it matches. The
  /// same pattern with another source is another subscription; with another delivery it is changed.
  /// What is wanted `reliable` comes in the order of its emitter; what is wanted `latest` does,
  /// too, but between the two there is no order.
  Result<> subscribe(std::string_view pattern, const SubscribeOptions& options);

  /// Ends a subscription, or all of a pattern, whatever their sources. What it would have brought
  /// and was not handed out yet is not any more. Errors: not_found.
  Result<> unsubscribe(std::string_view pattern);
  Result<> unsubscribe(std::string_view pattern, const SubscribeOptions& options);

  /// Hands out up to `limit` events that match a subscription, waiting up to `wait` for the first.
  /// Returns how many. Errors: not_running (the runtime is gone and everything was handed out).
  Result<std::size_t> poll_events(const std::function<void(const EventView&)>& handler,
                                  std::size_t limit, std::chrono::nanoseconds wait);

  /// Events that were overwritten before this client had read them; with `latest`, of whatever
  /// topic.
  [[nodiscard]] std::uint64_t events_missed() const;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mabeam

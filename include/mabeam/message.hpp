// Message: what a handler is given. Views into the ring, valid until the handler returns.
#pragma once

#include "mabeam/ids.hpp"
#include "mabeam/payload.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace mabeam {

/// The order in which a shard prefers its messages. High also carries replies.
enum class Priority : std::uint8_t { high = 0, normal = 1, low = 2 };

/// What all messages have in common.
class Message {
 public:
  Message(std::string_view name, Payload payload, AgentId source, std::uint64_t correlation)
      : name_(name),
        payload_(payload),
        source_(source),
        correlation_(correlation) {}

  /// The action, the signal's type, or the topic.
  [[nodiscard]] std::string_view name() const { return name_; }

  [[nodiscard]] const Payload& payload() const { return payload_; }

  /// Who sent it: an agent or a client.
  [[nodiscard]] AgentId source() const { return source_; }

  /// What ties a reply to its call; 0 where nobody waits.
  [[nodiscard]] std::uint64_t correlation() const { return correlation_; }

 private:
  std::string_view name_;
  Payload payload_;
  AgentId source_;
  std::uint64_t correlation_;
};

/// A request; what on_action() returns is the reply.
class Action : public Message {
 public:
  using Message::Message;
};

/// A message from one agent to another that nobody answers.
class Signal : public Message {
 public:
  using Message::Message;
};

/// What somebody emitted on a topic that this agent is subscribed to.
class Event : public Message {
 public:
  using Message::Message;

  [[nodiscard]] std::string_view topic() const { return name(); }

  /// True if it comes out of the history, by Client::replay(); source() is who replays it.
  [[nodiscard]] bool is_replayed() const { return correlation() != 0; }

  /// Who emitted it first.
  [[nodiscard]] AgentId emitted_by() const {
    return is_replayed() ? AgentId{correlation()} : source();
  }
};

/// The answer to an earlier Context::call(); name() is the action that was called.
class Reply : public Message {
 public:
  Reply(const Message& message, Result<> outcome) : Message(message), outcome_(outcome) {}

  /// Nothing, or why there is no answer: unknown_action, handler_failed, not_found, timed_out...
  [[nodiscard]] Result<> outcome() const { return outcome_; }

 private:
  Result<> outcome_;
};

/// A timer of Context::set_timer() that is due.
class Timer {
 public:
  Timer(std::string_view name, TimerId id, std::chrono::nanoseconds due)
      : name_(name),
        id_(id),
        due_(due) {}

  [[nodiscard]] std::string_view name() const { return name_; }

  [[nodiscard]] TimerId id() const { return id_; }

  /// When it was to fire, by Context::now()'s clock.
  [[nodiscard]] std::chrono::nanoseconds due() const { return due_; }

 private:
  std::string_view name_;
  TimerId id_;
  std::chrono::nanoseconds due_;
};

/// Whom to answer later: Context::reply_later() makes it, State may keep it, and any later handler
/// of the same agent answers, after restarts of its worker, too.
struct ReplyTo {
  AgentId caller;
  std::uint64_t correlation = 0;
  std::int64_t deadline_ns = 0;  ///< CLOCK_MONOTONIC; 0: the caller waits for ever
  Symbol action{};
  std::uint32_t reserved = 0;

  constexpr explicit operator bool() const { return correlation != 0; }

  /// What is left of the caller's time at `now` (Context::now()), for calls that are made for it:
  /// `{.deadline = asked.left(ctx.now())}`. 0 is no limit; where none is left, 1 ns.
  [[nodiscard]] constexpr std::chrono::nanoseconds left(std::chrono::nanoseconds now) const {
    if (deadline_ns == 0) return std::chrono::nanoseconds{0};
    const std::int64_t left_ns = deadline_ns - now.count();
    return std::chrono::nanoseconds{left_ns > 0 ? left_ns : 1};
  }
};

/// What becomes of a message whose ring, or an event whose log, is full.
enum class WhenFull : std::uint8_t {
  /// An agent's handler is undone and tried again when there is room; what has waited for
  /// stall_timeout without progress of the reader becomes a dead letter (overflow). A client waits
  /// for as long as it says, then gets backpressure.
  wait,
  /// Whoever sends gets backpressure at once; a handler may go on.
  fail,
  /// It is given up, and whoever sends need not care: an agent's is a dead letter (overflow), a
  /// client's is counted as refused. Of a call the same as `fail`: its caller waits for an answer.
  drop,
};

struct EmitOptions {
  WhenFull when_full = WhenFull::wait;
};

struct SendOptions {
  Priority priority = Priority::normal;
  /// The message becomes a dead letter (expired) after this long; 0 is never. A request that has
  /// expired is never handled: its caller is told timed_out.
  std::chrono::nanoseconds deadline{0};
  /// Of a call that a handler of a request makes: its deadline is not cut to that request's.
  bool is_detached = false;
  WhenFull when_full = WhenFull::wait;
};

}  // namespace mabeam

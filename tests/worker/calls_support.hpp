// Agents that call, are called and answer later, and two shards of them.
#pragma once

#include "tests/worker/shard_timers_support.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace mabeam::worker {

/// Whom to call, and how.
struct Asking {
  std::uint64_t target = 0;
  std::int64_t deadline_ns = 0;
  std::uint32_t is_detached = 0;
  std::uint32_t then_fail = 0;
};

/// "call", as a signal or an action: calls "get" as said. "send": sends a signal as said. "cancel":
/// gives up the last call. A reply to a call of "fail" fails; one to "again" calls again.
struct Asker {
  static constexpr AgentType type{.name = "asker"};

  struct State {
    std::uint64_t asked = 0;     // correlation of the last call
    std::uint64_t answered = 0;  // and of the last reply
    std::uint32_t calls = 0;
    std::uint32_t replies = 0;
    Errc outcome{};
    Errc refusal{};  // of the last call or cancel
    std::uint64_t source = 0;
    std::int64_t value = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const;
  Result<> on_action(Context& context, State& state, const Action& action) const;
  Result<> on_reply(Context& context, State& state, const Reply& reply) const;

  /// What others do just before it calls.
  static inline std::function<void()> before_call;  // NOLINT(*-avoid-non-const-global-variables)
};

/// Answers "later" when it gets the signal "answer" or "refuse"; "later then fail" fails.
struct Later {
  static constexpr AgentType type{.name = "later"};

  struct State {
    ReplyTo to;
    std::uint32_t answers = 0;
    std::uint32_t was_refused = 0;
  };

  Result<std::int64_t> on_action(Context& context, State& state, const Action& action) const;
  Result<> on_signal(Context& context, State& state, const Signal& signal) const;
};

class ShardCalls : public ShardTimers {
 protected:
  static constexpr std::span<const TypeDescriptor> kTypes =
      mabeam::kTypes<Puppet, Ticker, Asker, Later>;

  ShardCalls();

  /// The owners of both shards vanish, and the next ones take over.
  void kill_all();
  /// Has the caller call from a signal.
  void call(const Asking& asking, std::string_view action = "call");
  /// Has the ring of a client's be congested, with one dead letter, and the caller call that
  /// client, in one turn.
  void overflow(const Asking& asking);
  /// The caller is told of that many calls, the last after a pause.
  void wait_for_replies(std::uint32_t replies);
  /// The timer that there is: when it is due.
  [[nodiscard]] std::int64_t due_ns() const;
  /// Makes the one timer that there is due.
  void make_last_due();

  [[nodiscard]] Asker::State seen() const { return state<Asker::State>(caller_); }

  AgentId caller_;
  AgentId puppet_;  // in the other shard
  AgentId client_ = client_id(kFirstClient);
};

}  // namespace mabeam::worker

// Agents that set timers as they are told, and a shard of them.
#pragma once

#include "shm/timers.hpp"
#include "shm/turn_words.hpp"
#include "tests/worker/shard_support.hpp"
#include "worker/timers.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace mabeam::worker {

constexpr std::int64_t kHour = 3'600'000'000'000;

/// A timer to be set. What it does when it fires is its name; `value` is what is noted then.
struct Timing {
  std::int64_t delay_ns = 0;
  std::int64_t period_ns = 0;
  std::int64_t value = 0;
  std::array<char, 16> does{"note"};
};

/// How many timers a message could set, and why no more.
struct Filled {
  std::uint64_t set = 0;
  Errc code{};
  friend bool operator==(const Filled&, const Filled&) = default;
};

inline void PrintTo(const Filled& filled, std::ostream* out) {
  *out << filled.set << " " << code_name(filled.code);
}

/// Does as the message's or the timer's name says:
///   set     a timer; answers with its id         cancel  the timer of that id; a timer: itself
///   both    sets and cancels                     fill    sets until it is refused; answers Filled
///   send    a quarter of a ring                  note    nothing more
///   fail, throw  sends a little, then that       quit    stops
/// "then fail" behind it: then an error. A timer notes the value that it was set with.
struct Ticker {
  static constexpr AgentType type{.name = "ticker"};

  /// What a timer is to note.
  struct Noted {
    TimerId timer{};
    std::int64_t value = 0;
  };

  struct State {
    std::array<std::int64_t, 16> values{};
    std::uint32_t count = 0;
    std::uint32_t attempt = 0;
    TimerId last{};
    std::int64_t due_ns = 0;
    std::array<Noted, 16> set{};

    void note(std::int64_t value);
    [[nodiscard]] std::vector<std::int64_t> all() const;
  };

  Result<> on_action(Context& context, State& state, const Action& action) const;
  Result<> on_signal(Context& context, State& state, const Signal& signal) const;
  Result<> on_timer(Context& context, State& state, const Timer& timer) const;
};

/// Sets a timer in on_start, which notes 5 and sets another, which notes 6.
struct Eager {
  static constexpr AgentType type{.name = "eager"};
  using State = Ticker::State;

  Result<> on_start(Context& context, State& state) const;
  Result<> on_timer(Context& context, State& state, const Timer& timer) const;
};

/// Ticks every hour from on_start() on, and fails at each tick; then it begins anew.
struct Fickle {
  static constexpr AgentType type{.name = "fickle", .on_failure = OnFailure::restart};
  using State = Ticker::State;

  Result<> on_start(Context& context, State& state) const;
  Result<> on_timer(Context& context, State& state, const Timer& timer) const;
};

/// The same, and ends at the first tick.
struct Frail : Fickle {
  static constexpr AgentType type{.name = "frail", .on_failure = OnFailure::stop};
};

/// Has no on_timer.
struct Deaf {
  static constexpr AgentType type{.name = "deaf"};

  Result<> on_action(Context& context, const Action& action) const;
};

class ShardTimers : public ShardTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kTypes =
      mabeam::kTypes<Ticker, Eager, Fickle, Frail, Deaf>;
  using Memory = Ticker::State;

  ShardTimers();

  /// Has the agent set a timer, in a turn that fires what is due already.
  TimerId set(const Timing& timing = {});
  Errc cancel(TimerId id, AgentId by = {});
  /// Has the agent set as many as it may, all in an hour.
  Filled fill();

  [[nodiscard]] std::vector<std::int64_t> fired() const { return state<Memory>(agent_).all(); }

  [[nodiscard]] shm::TimerRecord& timer(std::uint32_t index) const {
    return segment_.timers(0)[index];
  }

  [[nodiscard]] TimerId id_of(std::uint32_t index) const;
  /// The word of a timer of the agent.
  [[nodiscard]] std::uint64_t timer_word() const;
  [[nodiscard]] std::uint32_t timers_used() const;
  [[nodiscard]] std::uint64_t witness_of(std::uint32_t index) const;

  /// Writes when a timer is due into its record, and has the shard adopted.
  void make_due(std::uint32_t index, std::int64_t due_ns);
  /// The shard's owner dies by itself under a handler; the next one takes over.
  void die_under(std::uint64_t witness);
  /// Gives the words of the last turn the values that they had `before`, and has the turn committed
  /// and not applied.
  void unapply(const std::vector<std::byte>& before);
  /// Fills the first client's ring.
  void fill_ring();

  std::uint32_t incarnation_ = 1;
  AgentId agent_;
};

}  // namespace mabeam::worker

// Agents whose actions are coroutines, and two shards of them.
#pragma once

#include "tests/worker/calls_support.hpp"

#include "mabeam/task.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace mabeam::worker {

/// Counts itself, and tries to speak when it goes: a local variable of a coroutine's.
struct Local {
  explicit Local(TaskContext& context) : context_(context) { ++alive; }

  Local(const Local&) = delete;
  Local& operator=(const Local&) = delete;

  ~Local() {
    --alive;
    (void)context_.send(client_id(kSecondClient), "gone", {}, {.priority = Priority::low});
  }

  static inline int alive = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

 private:
  TaskContext& context_;
};

/// Waits for "get" of whom the payload names (Asking), and answers what it got. The name says what
/// else: "fail" and "throw" after that; "flood" sends a quarter of a ring after that, "flood first"
/// before; "twice" asks once more.
struct Broker {
  static constexpr AgentType type{.name = "broker"};

  struct State {
    std::uint32_t begun = 0;
    std::uint32_t resumed = 0;
    std::int64_t signals = 0;
    std::int64_t signals_seen = 0;  ///< when it was resumed
  };

  mabeam::Task<std::int64_t> on_action(TaskContext& context, State& state,
                                       const Action& action) const;
  Result<> on_signal(Context& context, State& state, const Signal& signal) const;
};

/// The same for a type whose agents end where they fail.
struct FrailBroker {
  static constexpr AgentType type{.name = "frail broker", .on_failure = OnFailure::stop};
  using State = Broker::State;

  mabeam::Task<std::int64_t> on_action(TaskContext& context, State& state,
                                       const Action& action) const {
    return Broker{}.on_action(context, state, action);
  }
};

/// Its state is a string; it answers nothing. Any signal is an action, too.
struct Scribe {
  static constexpr AgentType type{.name = "scribe"};

  struct State {
    std::string text;
  };

  static std::string serialize(const State& state) { return state.text; }

  static Result<State> deserialize(std::span<const std::byte> bytes) {
    return State{{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  }

  mabeam::Task<> on_action(TaskContext& context, State& state, const Action& action) const;
};

class ShardTasks : public ShardCalls {
 protected:
  static constexpr std::span<const TypeDescriptor> kTypes =
      mabeam::kTypes<Puppet, Asker, Later, Broker, FrailBroker, Scribe>;

  ShardTasks();

  void kill_all();
  /// Has the client ask the broker, and the broker begin.
  void begin(std::string_view action = "ask", Asking how = {}, AgentId broker = {});
  /// The shard of the puppet answers, and that of the broker goes on.
  void go_on();
  /// What the client was answered since it last looked: a code each.
  std::vector<Errc> answers();

  /// The same, with the values.
  std::vector<Letter> letters() { return take(Priority::high); }

  [[nodiscard]] Broker::State seen() const { return state<Broker::State>(broker_); }

  AgentId broker_;
  AgentId frail_;
};

}  // namespace mabeam::worker

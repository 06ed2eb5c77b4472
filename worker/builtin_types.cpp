// The built-in agent types `echo` and `counter`, and the list of all of them.
#include "worker/builtin.hpp"
#include "worker/types.hpp"

#include <array>
#include <string>
#include <string_view>

namespace mabeam::worker {
namespace {

/// Answers any action with its payload.
struct Echo {
  static constexpr AgentType type{.name = "echo"};

  Result<> on_action(Context& context, const Action& action) const {
    return context.reply(action.payload());
  }
};

/// Counts: what it is told to, and every event that it is subscribed to.
struct Counter {
  static constexpr ActionInfo kActions[]{
      {"increment", "adds N, or 1; answers the count"},
      {"get", "answers the count"},
      {"reset", "sets the count to 0"},
  };
  static constexpr AgentType type{.name = "counter", .actions = kActions};

  struct State {
    std::int64_t count = 0;
  };

  Result<std::int64_t> on_action(Context&, State& state, const Action& action) const {
    if (action.name() == "increment") {
      const Result<std::int64_t> step = action.payload().as_or<std::int64_t>(1);
      if (!step) return fail(step.error());
      if (__builtin_add_overflow(state.count, *step, &state.count)) {
        return fail(Errc::invalid_argument);
      }
    } else if (action.name() == "reset") {
      state.count = 0;
    } else if (action.name() != "get") {
      return fail(Errc::unknown_action);
    }
    return state.count;
  }

  Result<> on_event(Context&, State& state, const Event&) const {
    ++state.count;
    return {};
  }

  static std::string describe(const State& state) {
    return "{\"count\":" + std::to_string(state.count) + "}";
  }
};

constexpr std::array<TypeDescriptor, 3> kBuiltin{describe_type<Demo>(), describe_type<Echo>(),
                                                 describe_type<Counter>()};
constexpr std::array<TypeDescriptor, 1> kFault{describe_type<Fault>()};

}  // namespace

std::span<const TypeDescriptor> builtin_types() {
  return kBuiltin;
}

std::span<const TypeDescriptor> fault_types() {
  return kFault;
}

}  // namespace mabeam::worker

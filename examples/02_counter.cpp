// A counter that outlives its worker: kill -9 the process, call it again, and nothing is lost.
//
// State is in the segment. It changes, and counter.changed is emitted, by one commit: nobody ever
// sees the one without the other.
//
//   mabeam create --type my_counter --name jobs
//   mabeam call jobs increment 5           -> 5
//   mabeam tail 'counter.>' &
#include "mabeam/agent.hpp"

#include <cstdint>

struct Counter {
  static constexpr mabeam::ActionInfo kActions[]{{"increment", "adds N, or 1"}, "get"};
  // "counter" is built in, so this one has another name.
  static constexpr mabeam::AgentType type{
      .name = "my_counter", .state_version = 1, .actions = kActions};

  struct State {
    std::int64_t count = 0;
  };

  mabeam::Result<std::int64_t> on_action(mabeam::Context& context, State& state,
                                         const mabeam::Action& action) const {
    if (action.name() == "get") return state.count;
    if (action.name() != "increment") return mabeam::fail(mabeam::Errc::unknown_action);

    const mabeam::Result<std::int64_t> step = action.payload().as_or<std::int64_t>(1);
    if (!step) return mabeam::fail(step.error());
    if (__builtin_add_overflow(state.count, *step, &state.count)) {
      // An error undoes the whole message, the state included.
      return mabeam::fail(mabeam::Errc::invalid_argument);
    }

    if (const auto emitted = context.emit("counter.changed", state.count); !emitted) {
      return mabeam::fail(emitted.error());
    }
    return state.count;
  }
};

MABEAM_MODULE(Counter)

// A link of a chain: counts the numbers that come, checks that they come in order, each once, and
// sends them on. Its state tells all three, so a test can ask after any number of crashes.
#include "mabeam/mabeam.hpp"

#include <cstdint>
#include <string>

namespace {

struct Relay {
  static constexpr mabeam::AgentType type{.name = "relay"};

  struct State {
    std::uint64_t next = 0;  ///< the agent to send to; 0: this is the end
    std::int64_t count = 0;
    std::int64_t last = 0;
    std::int64_t out_of_order = 0;
  };

  mabeam::Result<std::string> on_action(mabeam::Context&, State& state,
                                        const mabeam::Action& action) const {
    if (action.name() == "link") {
      const auto next = action.payload().as<std::uint64_t>();
      if (!next) return mabeam::fail(next.error());
      state.next = *next;
    }
    return std::to_string(state.count) + " " + std::to_string(state.last) + " " +
           std::to_string(state.out_of_order);
  }

  mabeam::Result<> on_signal(mabeam::Context& context, State& state,
                             const mabeam::Signal& signal) const {
    const auto number = signal.payload().as<std::int64_t>();
    if (!number) return mabeam::fail(number.error());
    ++state.count;
    if (*number != state.last + 1) ++state.out_of_order;
    state.last = *number;
    if (state.next == 0) return {};
    return context.send(mabeam::AgentId{state.next}, "number", *number);
  }
};

}  // namespace

MABEAM_MODULE(Relay)

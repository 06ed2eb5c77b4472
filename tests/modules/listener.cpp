// Hears a stream of numbers: counts them, checks that they come in order, each once, and keeps the
// longest time between two of them. "reset" forgets that time.
#include "mabeam/mabeam.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace {

struct Listener {
  static constexpr mabeam::AgentType type{.name = "listener"};

  struct State {
    std::int64_t count = 0;
    std::int64_t last = 0;
    std::int64_t left_out = 0;  ///< numbers
    std::int64_t out_of_order = 0;
    std::int64_t heard_ns = 0;
    std::int64_t longest_ns = 0;
  };

  mabeam::Result<std::string> on_action(mabeam::Context&, State& state,
                                        const mabeam::Action& action) const {
    std::string told = std::to_string(state.count) + " " + std::to_string(state.left_out) + " " +
                       std::to_string(state.out_of_order) + " " + std::to_string(state.longest_ns);
    if (action.name() == "reset") state.longest_ns = 0;
    return told;
  }

  mabeam::Result<> on_event(mabeam::Context&, State& state, const mabeam::Event& event) const {
    const auto number = event.payload().as<std::int64_t>();
    if (!number) return mabeam::fail(number.error());
    const std::int64_t now_ns =
        std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch()}.count();
    if (state.count != 0) state.longest_ns = std::max(state.longest_ns, now_ns - state.heard_ns);
    if (*number <= state.last) ++state.out_of_order;
    if (*number > state.last + 1) state.left_out += *number - state.last - 1;
    state.heard_ns = now_ns;
    state.last = *number;
    ++state.count;
    return {};
  }
};

}  // namespace

MABEAM_MODULE(Listener)

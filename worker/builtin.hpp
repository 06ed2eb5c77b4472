// The built-in agent types whose handlers are too long for one file: `demo` and `fault`.
#pragma once

#include "mabeam/agent.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace mabeam::worker {

/// Shows what an agent can do: a durable count, the last messages, an event for every action.
struct Demo {
  static constexpr std::array<std::string_view, 7> kActions{
      "ping",         "increment",      "get_state",     "add_message",
      "get_messages", "clear_messages", "simulate_error"};
  static constexpr AgentType type{.name = "demo", .actions = kActions};

  static constexpr std::uint32_t kKept = 3;
  static constexpr std::uint32_t kMessageBytes = 62;

  struct State {
    struct Text {
      std::uint8_t length = 0;
      std::array<char, kMessageBytes> bytes{};
    };

    std::int64_t count = 0;
    std::uint64_t messages = 0;  ///< added since the last clear_messages
    std::array<Text, kKept> kept{};
  };

  static_assert(sizeof(State) <= 256);

  Result<> on_action(Context& context, State& state, const Action& action) const;

 private:
  struct Answer {
    std::string text;
    Content content = Content::text;
  };

  static Result<Answer> run(State& state, const Action& action);
};

/// Goes wrong on purpose, for tests and for trying out limits; only with `fault_agents = true`.
struct Fault {
  static constexpr std::array<std::string_view, 5> kActions{"crash", "exit", "hang", "leak",
                                                            "fork"};
  static constexpr AgentType type{.name = "fault", .actions = kActions};

  Result<> on_action(Context& context, const Action& action) const;
};

}  // namespace mabeam::worker

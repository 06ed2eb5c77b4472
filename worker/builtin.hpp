// The built-in agent types whose handlers are too long for one file: `demo` and `fault`.
#pragma once

#include "mabeam/agent.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace mabeam::worker {

/// Shows what an agent can do: a durable count, the last messages, an event for every action.
struct Demo {
  static constexpr ActionInfo kActions[]{
      {"ping", "answers pong"},
      {"increment", "adds N, or 1; answers the count"},
      {"get_state", "answers count and messages as JSON"},
      {"add_message", "keeps a text; answers how many were added"},
      {"get_messages", "answers the last three texts"},
      {"clear_messages", "forgets them"},
      {"simulate_error", "fails"},
  };
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
  static std::string describe(const State& state);

 private:
  struct Answer {
    std::string text;
    Content content = Content::text;
    std::int64_t number = 0;  ///< the answer where the content is i64

    static Answer of(std::int64_t value) { return {{}, Content::i64, value}; }

    [[nodiscard]] PayloadRef payload() const;
  };

  static Result<Answer> run(State& state, const Action& action);
};

/// Goes wrong on purpose, for tests and for trying out limits; only with `fault_agents = true`.
struct Fault {
  static constexpr ActionInfo kActions[]{
      {"crash", "raises SIGSEGV"},
      {"exit", "ends the worker with code N, or 1"},
      {"hang", "never returns"},
      {"leak", "allocates N bytes and touches them"},
      {"fork", "starts N children that sleep"},
  };
  static constexpr AgentType type{.name = "fault", .actions = kActions};

  Result<> on_action(Context& context, const Action& action) const;
};

}  // namespace mabeam::worker

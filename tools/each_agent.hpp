// EachAgent: what the commands have in common that have each of several agents' shards do one
// thing.
#pragma once

#include "tools/agent_filter.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/cli/output.hpp"

#include "mabeam/client.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <string_view>

namespace mabeam::tools {

struct EachAgent {
  std::string_view verb;  ///< "stop", as in "cannot stop 'jobs'"
  std::string_view done;  ///< "stopped": the key of those for which it was done
  std::function<Result<>(Client&, AgentId, std::chrono::nanoseconds)> act;
};

/// Runs it for the operands, or for those that a filter matches. All are tried; the first refusal
/// decides the exit code, later ones are said on stderr.
Outcome<Exit> for_each_agent(const EachAgent& what, const Arguments& arguments, Output& output);

inline constexpr Option kTimeoutOption{"timeout", "DURATION",
                                       "how long each may take (default: 5s)"};
inline constexpr Option kAllOption{"all", "", "all agents"};
inline constexpr std::array kEachAgentOptions{kTypeOption, kCapabilityOption, kMatchOption,
                                              kAllOption, kTimeoutOption};

}  // namespace mabeam::tools

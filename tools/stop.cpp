// mabeam stop: ends agents.
#include "tools/commands.hpp"
#include "tools/each_agent.hpp"

#include <array>
#include <chrono>
#include <cstddef>

namespace mabeam::tools {

namespace {

constexpr std::size_t kMostReasonBytes = 47;

Outcome<Exit> run_stop(const Arguments& arguments, Output& output) {
  const StopOptions options{.children = arguments.has("children"),
                            .reason = arguments.value("reason").value_or("")};
  if (options.reason.size() > kMostReasonBytes) {
    return usage_error("--reason takes up to 47 bytes");
  }
  const auto stop = [&](Client& client, AgentId agent, std::chrono::nanoseconds timeout) {
    return client.stop(agent, options, timeout);
  };
  return for_each_agent({"stop", "stopped", stop}, arguments, output);
}

constexpr std::array kStopOptions{
    Option{"children", "", "end the agents that they have created, too"},
    Option{"reason", "TEXT", "why, for those subscribed to agent.stopped (up to 47 bytes)"},
    kTypeOption,
    kCapabilityOption,
    kMatchOption,
    kAllOption,
    kTimeoutOption,
};

}  // namespace

const Command stop_command{.name = "stop",
                           .summary = "end agents, by name or id",
                           .operands = "[AGENT...]",
                           .options = kStopOptions,
                           .details =
                               "Examples:\n"
                               "  mabeam stop jobs\n"
                               "  mabeam stop --children --reason 'moved away' jobs\n"
                               "  mabeam stop --type echo\n",
                           .run = run_stop};

}  // namespace mabeam::tools

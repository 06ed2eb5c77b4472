// mabeam stop: ends agents.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

namespace mabeam::tools {

namespace {

constexpr std::size_t kMostReasonBytes = 47;

Outcome<AgentId> stop_one(Client& client, const std::string& agent, const StopOptions& options,
                          std::chrono::nanoseconds timeout) {
  auto id = find_agent(client, agent);
  if (!id) return id;
  if (const Result<> stopped = client.stop(*id, options, timeout); !stopped) {
    return refuse(stopped.error(), "cannot stop '" + one_line(agent) + "'");
  }
  return id;
}

// All are tried; the first refusal decides the exit code, later ones are said on stderr.
Outcome<Exit> run(const Arguments& arguments, Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{5});
  if (!timeout) return tl::unexpected(timeout.error());
  const StopOptions options{.children = arguments.has("children"),
                            .reason = arguments.value("reason").value_or("")};
  if (options.reason.size() > kMostReasonBytes) {
    return usage_error("--reason takes up to 47 bytes");
  }
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());

  Json stopped = Json::array();
  Outcome<Exit> outcome = Exit::done;
  for (const std::string& agent : arguments.operands()) {
    const auto id = stop_one(*client, agent, options, *timeout);
    if (id) {
      stopped.push_back(to_string(*id));
    } else if (outcome) {
      outcome = tl::unexpected(id.error());
    } else {
      output.note(id.error().message);
    }
  }
  if (output.json()) {
    Json document{{"stopped", stopped}};
    if (!outcome) document["error"] = error_document(outcome.error());
    output.document(document);
  }
  return outcome;
}

constexpr std::array kOptions{
    Option{"children", "", "end the agents that they have created, too"},
    Option{"reason", "TEXT", "why, for those subscribed to agent.stopped (up to 47 bytes)"},
    Option{"timeout", "DURATION", "how long each may take (default: 5s)"},
};

}  // namespace

const Command stop_command{.name = "stop",
                           .summary = "end agents, by name or id",
                           .operands = "AGENT...",
                           .options = kOptions,
                           .details =
                               "Examples:\n"
                               "  mabeam stop jobs\n"
                               "  mabeam stop --children --reason 'moved away' jobs\n"
                               "  mabeam agents --type echo --json | jq -r '.agents[].id' |\n"
                               "    xargs mabeam stop\n",
                           .run = run};

}  // namespace mabeam::tools

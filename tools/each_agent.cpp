#include "tools/each_agent.hpp"

#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/progress.hpp"

#include <string>
#include <vector>

namespace mabeam::tools {
namespace {

Outcome<AgentId> act_on(const EachAgent& what, Client& client, const std::string& agent,
                        std::chrono::nanoseconds timeout) {
  auto id = find_agent(client, agent);
  if (!id) return id;
  if (const Result<> done = what.act(client, *id, timeout); !done) {
    return refuse(done.error(), "cannot " + std::string(what.verb) + " '" + one_line(agent) + "'");
  }
  return id;
}

/// By the operands' words, or by the ids of those that the filter matches.
Outcome<std::vector<std::string>> agents_in(const Arguments& arguments, const Client& client) {
  const bool is_filtered = has_filter(arguments) || arguments.has("all");
  if (is_filtered == !arguments.operands().empty()) {
    return usage_error(is_filtered ? "takes agents or a filter, not both"
                                   : "takes AGENT..., or --type, --capability, --match or --all");
  }
  std::vector<std::string> agents{arguments.operands().begin(), arguments.operands().end()};
  if (!is_filtered) return agents;
  for (const AgentView& agent : client.find_agents(filter_in(arguments)).agents)
    agents.push_back(to_string(agent.id));
  return agents;
}

}  // namespace

Outcome<Exit> for_each_agent(const EachAgent& what, const Arguments& arguments, Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{5});
  if (!timeout) return tl::unexpected(timeout.error());
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());
  const auto agents = agents_in(arguments, *client);
  if (!agents) return tl::unexpected(agents.error());

  Json done = Json::array();
  Outcome<Exit> outcome = Exit::done;
  Progress progress{output};
  std::uint64_t tried = 0;
  for (const std::string& agent : *agents) {
    progress.update(what.done, tried++, agents->size());
    const auto id = act_on(what, *client, agent, *timeout);
    if (id) {
      done.push_back(to_string(*id));
    } else if (outcome) {
      outcome = tl::unexpected(id.error());
    } else {
      progress.note(id.error().message);
    }
  }
  progress.clear();
  if (output.json()) {
    Json document{{std::string(what.done), done}};
    if (!outcome) document["error"] = error_document(outcome.error());
    output.document(document);
  }
  return outcome;
}

}  // namespace mabeam::tools

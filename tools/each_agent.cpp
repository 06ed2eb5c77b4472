#include "tools/each_agent.hpp"

#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"

#include <string>

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

}  // namespace

Outcome<Exit> for_each_agent(const EachAgent& what, const Arguments& arguments, Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{5});
  if (!timeout) return tl::unexpected(timeout.error());
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());

  Json done = Json::array();
  Outcome<Exit> outcome = Exit::done;
  for (const std::string& agent : arguments.operands()) {
    const auto id = act_on(what, *client, agent, *timeout);
    if (id) {
      done.push_back(to_string(*id));
    } else if (outcome) {
      outcome = tl::unexpected(id.error());
    } else {
      output.note(id.error().message);
    }
  }
  if (output.json()) {
    Json document{{std::string(what.done), done}};
    if (!outcome) document["error"] = error_document(outcome.error());
    output.document(document);
  }
  return outcome;
}

}  // namespace mabeam::tools

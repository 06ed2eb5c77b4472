// mabeam agents: the agents that live.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/tables.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

Tone tone_of(Lifecycle lifecycle) {
  switch (lifecycle) {
    case Lifecycle::ready:
    case Lifecycle::busy:
      return Tone::good;
    case Lifecycle::suspended:
      return Tone::bad;
    default:
      return Tone::warning;
  }
}

// A request needs no reason.
std::string life_of(const AgentView& agent) {
  std::string life{to_string(agent.lifecycle)};
  if (agent.reason && *agent.reason != Errc::suspended) {
    life += ": " + std::string(code_name(*agent.reason));
  }
  return life;
}

/// The types whose actions are wanted: that of --type, or all.
std::vector<TypeView> types_in(const Arguments& arguments, const Observer& observer) {
  if (!arguments.has("actions")) return {};
  std::vector<TypeView> types = observer.types();
  const auto wanted = arguments.value("type");
  std::erase_if(types, [&](const TypeView& type) { return wanted && type.name != *wanted; });
  return types;
}

Outcome<Exit> run_agents(const Arguments& arguments, Output& output) {
  const auto limit = arguments.number("limit", 0, 1);
  if (!limit) return tl::unexpected(limit.error());
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const AgentList list =
      observer->agents({.type = std::string(arguments.value("type").value_or("")),
                        .capability = std::string(arguments.value("capability").value_or("")),
                        .limit = static_cast<std::size_t>(*limit)});
  const std::vector<TypeView> types = types_in(arguments, *observer);
  if (output.json()) {
    Json document = agents_document(list);
    if (arguments.has("actions")) document["types"] = types_document(types);
    output.document(document);
    return Exit::done;
  }
  output.print(agents_table(list).render(output.style().colour));
  if (arguments.has("actions")) output.print("\n" + actions_table(types));
  if (list.agents.size() < list.total) {
    output.note("showing " + std::to_string(list.agents.size()) + " of " +
                std::to_string(list.total) + " agents");
  }
  return Exit::done;
}

constexpr std::array kAgentsOptions{
    Option{"type", "TYPE", "only agents of this type"},
    Option{"capability", "C", "only agents that have this capability"},
    Option{"limit", "N", "at most so many (default: all)"},
    Option{.name = "actions", .help = "also what agents of these types can be told to do"},
    kFileOption,
};

}  // namespace

Table agents_table(const AgentList& list) {
  Table table({{"ID"},
               {"NAME"},
               {"TYPE"},
               {"SHARD", Align::right},
               {"WORKER", Align::right},
               {"STATE"},
               {"HANDLED", Align::right},
               {"VERSION", Align::right},
               {"CAPABILITIES"}});
  for (const AgentView& agent : list.agents) {
    table.add({to_string(agent.id),
               agent.name.empty() ? "-" : agent.name,
               agent.type,
               std::to_string(agent.shard),
               agent.worker ? std::to_string(*agent.worker) : "-",
               {life_of(agent), tone_of(agent.lifecycle)},
               std::to_string(agent.handled),
               std::to_string(agent.version),
               human_list(agent.capabilities)});
  }
  return table;
}

Json agent_document(const AgentView& agent) {
  return Json{{"id", to_string(agent.id)},
              {"name", agent.name},
              {"type", agent.type},
              {"shard", agent.shard},
              {"worker", agent.worker ? Json(*agent.worker) : Json(nullptr)},
              {"lifecycle", to_string(agent.lifecycle)},
              {"reason", agent.reason ? Json(code_name(*agent.reason)) : Json(nullptr)},
              {"version", agent.version},
              {"capabilities", agent.capabilities}};
}

Json agents_document(const AgentList& list) {
  Json agents = Json::array();
  for (const AgentView& agent : list.agents)
    agents.push_back(agent_document(agent));
  return Json{{"agents", agents}, {"total", list.total}};
}

const Command agents_command{.name = "agents",
                             .summary = "the agents that live, and where",
                             .options = kAgentsOptions,
                             .details =
                                 "Examples:\n"
                                 "  mabeam agents --type counter\n"
                                 "  mabeam agents --type demo --actions\n"
                                 "  mabeam agents --json | jq .total\n",
                             .run = run_agents};

}  // namespace mabeam::tools

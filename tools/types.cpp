// mabeam types: the agent types that workers know.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

std::string names_of(const TypeView& type) {
  std::string names;
  for (const TypeView::Action& action : type.actions)
    names += (names.empty() ? "" : ",") + action.name;
  return names.empty() ? "-" : names;
}

std::string state_of(const TypeView& type) {
  if (type.is_serialized) return "up to " + human_bytes(type.state_bytes);
  return type.state_bytes == 0 ? "none" : human_bytes(type.state_bytes);
}

std::string table_of(const std::vector<TypeView>& types) {
  Table table({{"TYPE"},
               {"STATE", Align::right},
               {"DURABLE"},
               {"VERSION", Align::right},
               {"AGENTS", Align::right},
               {"MODULE"},
               {"ACTIONS"}});
  for (const TypeView& type : types) {
    table.add({type.name, state_of(type), type.is_durable ? "yes" : "no",
               std::to_string(type.state_version), human_count(type.agents),
               type.module.empty() ? "built in" : type.module, names_of(type)});
  }
  return table.render(false);
}

Outcome<Exit> run_types(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const std::vector<TypeView> types = observer->types();
  if (output.json()) {
    output.document({{"types", types_document(types)}});
  } else {
    output.print(table_of(types));
  }
  return Exit::done;
}

constexpr std::array kTypesOptions{kFileOption};

}  // namespace

Json types_document(const std::vector<TypeView>& types) {
  Json document = Json::array();
  for (const TypeView& type : types) {
    Json actions = Json::array();
    for (const TypeView::Action& action : type.actions)
      actions.push_back({{"name", action.name}, {"description", action.description}});
    document.push_back({{"name", type.name},
                        {"state_version", type.state_version},
                        {"state_bytes", type.state_bytes},
                        {"serialized", type.is_serialized},
                        {"durable", type.is_durable},
                        {"describes", type.can_describe},
                        {"module", type.module.empty() ? Json(nullptr) : Json(type.module)},
                        {"agents", type.agents},
                        {"actions", actions}});
  }
  return document;
}

std::string actions_table(const std::vector<TypeView>& types) {
  Table table({{"TYPE"}, {"ACTION"}, {"WHAT IT DOES"}});
  for (const TypeView& type : types) {
    for (const TypeView::Action& action : type.actions)
      table.add({type.name, action.name, action.description});
  }
  return table.render(false);
}

const Command types_command{.name = "types",
                            .summary = "the agent types that workers know, and their actions",
                            .options = kTypesOptions,
                            .details =
                                "What each action does: mabeam agents --type T --actions.\n"
                                "\n"
                                "Examples:\n"
                                "  mabeam types\n"
                                "  mabeam types --json | jq -r '.types[].actions[].name'\n",
                            .run = run_types};

}  // namespace mabeam::tools

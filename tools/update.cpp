// mabeam update: what is noted of agents beside their state.
#include "tools/commands.hpp"
#include "tools/each_agent.hpp"
#include "tools/metadata_argument.hpp"

#include <array>
#include <chrono>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_update(const Arguments& arguments, Output& output) {
  const auto value = arguments.value("metadata");
  if (value.has_value() == arguments.has("no-metadata")) {
    return usage_error(value ? "takes --metadata or --no-metadata, not both"
                             : "--metadata is missing: TEXT or @FILE; --no-metadata removes it");
  }
  const auto metadata = MetadataArgument::read(value);
  if (!metadata) return tl::unexpected(metadata.error());
  const auto update = [&](Client& client, AgentId agent, std::chrono::nanoseconds timeout) {
    return client.update_metadata(agent, metadata->text(), timeout);
  };
  return for_each_agent({"update", "updated", update}, arguments, output);
}

constexpr std::array kUpdateOptions{
    kMetadataOption, Option{.name = "no-metadata", .help = "nothing is noted of them any more"},
    kTypeOption,     kCapabilityOption,
    kMatchOption,    kAllOption,
    kTimeoutOption};

}  // namespace

const Command update_command{.name = "update",
                             .summary = "note other metadata of agents, by name or id",
                             .operands = "[AGENT...]",
                             .options = kUpdateOptions,
                             .details =
                                 "'mabeam inspect' shows it. Each change is told by an event, "
                                 "agent.updated, where somebody is\n"
                                 "subscribed; what is noted already is no change.\n"
                                 "\n"
                                 "Examples:\n"
                                 "  mabeam update jobs --metadata '{\"owner\":\"ops\"}'\n"
                                 "  mabeam update jobs --metadata @jobs.json\n"
                                 "  mabeam update --type counter --no-metadata\n",
                             .run = run_update};

}  // namespace mabeam::tools

// mabeam create: new agents.
#include "shm/topics.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/payload_argument.hpp"
#include "tools/cli/progress.hpp"
#include "tools/commands.hpp"
#include "tools/metadata_argument.hpp"
#include "tools/trace_option.hpp"

#include <array>
#include <chrono>
#include <string>

namespace mabeam::tools {

namespace {

// In this one command --name is the agent's (that is the contract), though in every other it is the
// runtime's. Given twice, the first is the runtime's.
struct Names {
  std::string runtime;
  std::string agent;
  bool may_swap;  // nothing but --name says which runtime is meant
};

Names names_in(const Arguments& arguments) {
  const auto given = arguments.values("name");
  const bool names_both = given.size() > 1 && !arguments.has("runtime");
  return {.runtime = names_both ? std::string(given.front()) : arguments.runtime_without_name(),
          .agent = given.empty() ? std::string() : std::string(given.back()),
          .may_swap = given.size() == 1 && !arguments.names_runtime()};
}

// Who writes `create --name prod --type T` out of habit means the runtime. Where no runtime was
// named otherwise, the default one does not exist and one called prod does, nothing else can be
// meant.
Outcome<Client> attach(Names& names, Output& output) {
  Result<Client> client = Client::attach(names.runtime);
  if (client) return std::move(*client);
  const tl::unexpected<Failure> refusal = refuse_attach(client.error(), names.runtime);
  if (client.error().code != Errc::not_found || !names.may_swap) return refusal;
  client = Client::attach(names.agent);
  if (!client) return refusal;
  output.note("--name " + names.agent + " is taken for the runtime, since there is no runtime '" +
              names.runtime + "'; write --runtime to be sure");
  names.agent.clear();
  return std::move(*client);
}

void show(const std::vector<AgentId>& ids, const Arguments& arguments, const Client& client,
          Output& output) {
  Json list = Json::array();
  for (const AgentId id : ids)
    list.push_back(to_string(id));
  Json document{{"ids", list}};
  tell_trace(arguments, client, document, output);
  if (output.json()) {
    output.document(document);
    return;
  }
  for (const AgentId id : ids)
    output.print(to_string(id) + "\n");
}

Outcome<Exit> run_create(const Arguments& arguments, Output& output) {
  const auto type = arguments.value("type");
  if (!type)
    return usage_error("--type is missing: which type of agent? (see mabeam create --help)");
  const auto count = arguments.number("count", 1, 1);
  if (!count) return tl::unexpected(count.error());
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{10});
  if (!timeout) return tl::unexpected(timeout.error());
  const auto patterns = arguments.values("subscribe");
  for (const std::string_view pattern : patterns) {
    if (const Result<> checked = shm::check_pattern(pattern); !checked) {
      return refuse_typed(checked.error(), "--subscribe '" + one_line(pattern) + "'");
    }
  }
  const auto initial = PayloadArgument::read(arguments.value("state"));
  if (!initial) return tl::unexpected(initial.error());
  const auto metadata = MetadataArgument::read(arguments.value("metadata"));
  if (!metadata) return tl::unexpected(metadata.error());
  Names names = names_in(arguments);
  auto client = attach(names, output);
  if (!client) return tl::unexpected(client.error());
  if (*count > 1 && !names.agent.empty()) {
    return usage_error("--name '" + one_line(names.agent) +
                       "' is one agent's name, so --count must be 1 (the runtime's is --runtime)");
  }

  if (const auto told = trace_as_told(arguments, *client); !told) {
    return tl::unexpected(told.error());
  }
  const auto capabilities = arguments.values("capability");
  Progress progress{output};
  const auto ids =
      client->create(*type, static_cast<std::size_t>(*count),
                     {.name = names.agent,
                      .subscribe = patterns,
                      .capabilities = capabilities,
                      .initial = initial->ref(),
                      .metadata = metadata->text()},
                     *timeout, [&](std::size_t made) { progress.update("created", made, *count); });
  progress.clear();
  if (!ids) return refuse(ids.error(), "cannot create agents of type '" + one_line(*type) + "'");
  show(*ids, arguments, *client, output);
  return Exit::done;
}

constexpr std::array kCreateOptions{
    Option{"type", "TYPE", "the agents' type"},
    Option{"count", "N", "how many (default: 1); all of them or none"},
    Option{"name", "NAME", "the agent's own name; needs --count 1"},
    Option{"subscribe", "PATTERN", "subscribe to these topics; may be repeated"},
    Option{"capability", "C", "a capability; may be repeated"},
    Option{"state", "STATE", "the state to begin with: text, @FILE or - (standard input)"},
    kMetadataOption,
    kTraceOption,
    kTraceparentOption,
    Option{"timeout", "DURATION", "how long it may take (default: 10s)"},
};

}  // namespace

const Command create_command{
    .name = "create",
    .summary = "create agents; prints their ids when they are ready",
    .options = kCreateOptions,
    .details =
        "Here --name is the agent's name; the runtime is named by --runtime or MABEAM_NAME\n"
        "(or by --name before the command, or by the first of two).\n"
        "\n"
        "STATE is what the type keeps: the bytes of its State, of exactly its size ('mabeam "
        "types'),\n"
        "or what its deserialize() reads. Another one creates nothing.\n"
        "\n"
        "Examples:\n"
        "  mabeam create --type counter --name jobs --subscribe 'job.>'\n"
        "  mabeam --name prod create --type echo --count 100\n"
        "  mabeam create --type ledger --state @ledger.json\n"
        "  mabeam create --type counter --name jobs --metadata '{\"owner\":\"ops\"}'\n",
    .run = run_create};

}  // namespace mabeam::tools

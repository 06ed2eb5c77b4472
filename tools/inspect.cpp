// mabeam inspect: everything of one agent, its state included.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"
#include "tools/views.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>

namespace mabeam::tools {

namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kShownBytes = 4096;  // of a state, on a terminal

double age_of(const AgentDetail& detail) {
  const nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  return std::max(0.0, static_cast<double>(now.count() - detail.created_unix_ns) / 1e9);
}

std::string table_of(const AgentDetail& detail) {
  const AgentView& agent = detail.agent;
  Table table({{"WHAT"}, {"VALUE"}});
  table.add({"id", to_string(agent.id)});
  table.add({"name", agent.name.empty() ? "-" : agent.name});
  table.add({"type", agent.type});
  table.add({"shard", std::to_string(agent.shard)});
  table.add({"worker", agent.worker ? std::to_string(*agent.worker) : "-"});
  table.add({"lifecycle", std::string(to_string(agent.lifecycle))});
  table.add({"reason", detail.reason.value_or("-")});
  table.add({"parent", detail.parent ? to_string(detail.parent) : "-"});
  table.add({"age", human_seconds(age_of(detail))});
  table.add({"version", human_count(agent.version)});
  table.add({"handled", human_count(agent.handled)});
  table.add({"failures", human_count(detail.failures)});
  table.add({"restarts", human_count(detail.restarts)});
  table.add({"capabilities", human_list(agent.capabilities)});
  table.add({"subscriptions", human_list(detail.subscriptions)});
  table.add({"metadata", detail.metadata.empty() ? "-" : detail.metadata});
  const std::string size =
      detail.is_durable ? human_bytes(detail.state_bytes) : "in its worker's memory";
  table.add({"state", size + ", state_version " + std::to_string(detail.state_version)});
  return table.render(false);
}

std::string state_text(const AgentDetail& detail, const std::optional<std::string>& described) {
  if (described) {
    const Json json = Json::parse(*described, nullptr, false);
    return (json.is_discarded() ? one_line(*described) : one_line(dump(json))) + "\n";
  }
  if (!detail.state || detail.state->empty()) return "";
  const std::span<const std::byte> bytes{*detail.state};
  return hex_dump(bytes.first(std::min(bytes.size(), kShownBytes)));
}

bool can_describe(const Observer& observer, std::string_view type) {
  const std::vector<TypeView> types = observer.types();
  return std::any_of(types.begin(), types.end(),
                     [&](const TypeView& each) { return each.name == type && each.can_describe; });
}

// Only its worker can put a state into words. Where none answers, its bytes are shown.
std::optional<std::string> describe_state(const Arguments& arguments, AgentId agent,
                                          nanoseconds timeout, Output& output) {
  auto client = Client::attach(arguments.runtime(), {.attach_timeout = timeout});
  const Result<std::string> text =
      client ? client->describe(agent, timeout) : Result<std::string>{fail(client.error())};
  if (text) return *text;
  output.note("the state as bytes, since nobody describes it: " + describe(text.error()));
  return std::nullopt;
}

Outcome<AgentDetail> find_detail(const Observer& observer, std::string_view agent) {
  const Result<AgentId> id = observer.find(agent);
  const Result<AgentDetail> detail =
      id ? observer.inspect(*id) : Result<AgentDetail>{fail(id.error())};
  if (detail) return *detail;
  return tl::unexpected(Failure{.exit = Exit::refused,
                                .code = std::string(code_name(detail.error().code)),
                                .message = "there is no agent '" + one_line(agent) +
                                           "'; 'mabeam agents' lists those that there are"});
}

Outcome<Exit> run_inspect(const Arguments& arguments, Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{1});
  if (!timeout) return tl::unexpected(timeout.error());
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const auto detail = find_detail(*observer, *arguments.operand(0));
  if (!detail) return tl::unexpected(detail.error());
  std::optional<std::string> described;
  const bool is_raw = arguments.has("raw") || arguments.has("file");
  if (!is_raw && can_describe(*observer, detail->agent.type)) {
    described = describe_state(arguments, detail->agent.id, *timeout, output);
  }
  if (output.json()) {
    output.document(inspect_document(*detail, age_of(*detail), described));
    return Exit::done;
  }
  output.print(table_of(*detail) + state_text(*detail, described));
  if (!described && detail->state && detail->state->size() > kShownBytes) {
    output.note("the first " + human_bytes(kShownBytes) + " of the state; all of it: --json");
  }
  return Exit::done;
}

constexpr std::array kInspectOptions{
    Option{.name = "raw", .help = "the state's bytes, even where its type can describe it"},
    Option{"timeout", "DURATION", "how long to wait for the description (default: 1s)"},
    kFileOption,
};

}  // namespace

Json inspect_document(const AgentDetail& detail, double age_seconds,
                      const std::optional<std::string>& described) {
  Json document = agent_document(detail.agent);
  document["reason"] = detail.reason ? Json(*detail.reason) : Json(nullptr);
  document["parent"] = detail.parent ? Json(to_string(detail.parent)) : Json(nullptr);
  document["created_unix_ns"] = detail.created_unix_ns;
  document["age_seconds"] = age_seconds;
  document["handled"] = detail.agent.handled;
  document["failures"] = detail.failures;
  document["restarts"] = detail.restarts;
  document["subscriptions"] = detail.subscriptions;
  document["metadata"] = detail.metadata.empty() ? Json(nullptr) : Json(detail.metadata);
  Json state{{"state_version", detail.state_version},
             {"state_bytes", detail.state_bytes},
             {"durable", detail.is_durable},
             {"described", nullptr},
             {"payload_base64", nullptr}};
  if (described) {
    const Json json = Json::parse(*described, nullptr, false);
    state["described"] = json.is_discarded() ? Json(*described) : json;
  }
  if (detail.state) state["payload_base64"] = base64(*detail.state);
  document["state"] = state;
  return document;
}

const Command inspect_command{
    .name = "inspect",
    .summary = "everything of one agent, its state included",
    .operands = "AGENT",
    .options = kInspectOptions,
    .details =
        "AGENT is a name or an id. The state is shown in its type's own words where the type has\n"
        "any and a worker answers, else as bytes. Looking changes nothing.\n"
        "\n"
        "Examples:\n"
        "  mabeam inspect jobs\n"
        "  mabeam inspect jobs --json | jq .state.described\n"
        "  mabeam inspect jobs --raw\n",
    .run = run_inspect};

}  // namespace mabeam::tools

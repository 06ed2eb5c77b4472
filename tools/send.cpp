// mabeam send: a signal to one agent, or to all that a filter matches.
#include "tools/agent_filter.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/payload_argument.hpp"
#include "tools/commands.hpp"
#include "tools/trace_option.hpp"

#include <array>
#include <chrono>
#include <string>

namespace mabeam::tools {

namespace {

Outcome<Priority> priority_in(const Arguments& arguments) {
  const std::string_view text = arguments.value("priority").value_or("normal");
  if (text == "high") return Priority::high;
  if (text == "normal") return Priority::normal;
  if (text == "low") return Priority::low;
  return usage_error("--priority takes high, normal or low, not '" + one_line(text) + "'");
}

Outcome<Exit> send_to_all(const Arguments& arguments, Client& client, const PayloadRef& payload,
                          Priority priority, std::chrono::nanoseconds timeout, Output& output) {
  const std::string_view signal = *arguments.operand(0);
  const AgentFilter filter = filter_in(arguments);
  const auto sent = client.send_matching(filter, signal, payload, {.priority = priority}, timeout);
  if (!sent) return refuse(sent.error(), "cannot send '" + one_line(signal) + "'");
  Json document{{"receivers", *sent}, {"signal", signal}};
  tell_trace(arguments, client, document, output);
  if (output.json()) {
    output.document(document);
  } else {
    output.print(std::to_string(*sent) + "\n");
  }
  return Exit::done;
}

Outcome<Exit> run_send(const Arguments& arguments, Output& output) {
  const bool is_for_all = has_filter(arguments);
  if (is_for_all && arguments.operands().size() > 2) {
    return usage_error("with --type, --capability or --match, the operands are SIGNAL [PAYLOAD]");
  }
  if (!is_for_all && arguments.operands().size() < 2) {
    return usage_error("takes AGENT SIGNAL [PAYLOAD], or SIGNAL [PAYLOAD] and a filter");
  }
  const auto priority = priority_in(arguments);
  if (!priority) return tl::unexpected(priority.error());
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{1});
  if (!timeout) return tl::unexpected(timeout.error());
  const auto payload = PayloadArgument::read(arguments.operand(is_for_all ? 1 : 2));
  if (!payload) return tl::unexpected(payload.error());
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());
  if (const auto told = trace_as_told(arguments, *client); !told) {
    return tl::unexpected(told.error());
  }
  if (is_for_all) {
    return send_to_all(arguments, *client, payload->ref(), *priority, *timeout, output);
  }
  const auto id = find_agent(*client, *arguments.operand(0));
  if (!id) return tl::unexpected(id.error());

  const std::string_view signal = *arguments.operand(1);
  const Result<> sent =
      client->send(*id, signal, payload->ref(), {.priority = *priority}, *timeout);
  if (!sent) return refuse(sent.error(), "cannot send '" + one_line(signal) + "'");
  Json document{{"target", to_string(*id)}, {"signal", signal}};
  tell_trace(arguments, *client, document, output);
  if (output.json()) output.document(document);
  return Exit::done;
}

constexpr std::array kSendOptions{
    kTypeOption,
    kCapabilityOption,
    kMatchOption,
    Option{"priority", "P", "high, normal or low (default: normal)"},
    Option{"timeout", "DURATION", "how long to wait for room (default: 1s)"},
    kTraceOption,
    kTraceparentOption,
};

}  // namespace

const Command send_command{
    .name = "send",
    .summary = "send a signal to an agent, or to many; nobody answers",
    .operands = "[AGENT] SIGNAL [PAYLOAD]",
    .options = kSendOptions,
    .details =
        "AGENT is a name or an id; with --type, --capability or --match there is none, and it\n"
        "goes to all that match: to how many is printed. PAYLOAD is text, @FILE, or - for standard "
        "input.\n"
        "\n"
        "Examples:\n"
        "  mabeam send jobs increment 5\n"
        "  mabeam send jobs reset --priority high\n"
        "  mabeam send --match 'jobs-*' reset\n",
    .run = run_send};

}  // namespace mabeam::tools

// mabeam call: one action of one agent, and its answer.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/payload_argument.hpp"
#include "tools/commands.hpp"
#include "tools/trace_option.hpp"

#include "mabeam/observer.hpp"

#include <array>
#include <chrono>
#include <string>

namespace mabeam::tools {

namespace {

// Text ends with a line's end. Other bytes go out as they are, but never to a terminal, which might
// obey them.
std::string printable_reply(const Payload& reply, bool to_terminal) {
  if (reply.empty()) return "";
  const auto text = payload_text(reply);
  if (!text) return to_terminal ? base64(reply.bytes()) + "\n" : std::string(reply.text());
  if (!to_terminal) return text->ends_with('\n') ? *text : *text + "\n";
  std::string lines;
  for (std::size_t at = 0; at <= text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    if (end < text->size() || end > at) lines += one_line(text->substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return lines;
}

void show(const Payload& reply, std::chrono::nanoseconds latency, const Json& more,
          Output& output) {
  if (!output.json()) {
    output.print(printable_reply(reply, output.style().out_is_terminal));
    return;
  }
  Json document{{"reply", payload_value(reply)}};
  add_payload(document, reply);
  document["latency_ns"] = latency.count();
  document.update(more);
  output.document(document);
}

/// Of a call that was not answered in time, where it is not the agent that was slow.
std::string why_unserved(const Arguments& arguments) {
  const Result<Observer> observer = Observer::attach(arguments.runtime());
  if (!observer) return "";
  const HealthView health = observer->health();
  if (health.is_live && health.is_ready) return "";
  return health.is_live ? "; nobody serves it: " + health.readiness
                        : "; the runtime has no supervisor at work: see `mabeam health`";
}

Outcome<Exit> run_call(const Arguments& arguments, Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{5});
  if (!timeout) return tl::unexpected(timeout.error());
  const auto payload = PayloadArgument::read(arguments.operand(2));
  if (!payload) return tl::unexpected(payload.error());
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());
  const std::string_view agent = *arguments.operand(0);
  const std::string_view action = *arguments.operand(1);
  const auto id = find_agent(*client, agent);
  if (!id) return tl::unexpected(id.error());
  if (const auto told = trace_as_told(arguments, *client); !told) {
    return tl::unexpected(told.error());
  }

  const auto begin = std::chrono::steady_clock::now();
  const Result<ClientReply> reply = client->call(*id, action, payload->ref(), *timeout);
  const auto latency = std::chrono::steady_clock::now() - begin;
  Json more = Json::object();
  tell_trace(arguments, *client, more, output);
  if (!reply) {
    auto refusal =
        refuse(reply.error(), "'" + one_line(action) + "' of agent '" + one_line(agent) + "'");
    if (reply.error().code == Errc::timed_out) refusal.value().message += why_unserved(arguments);
    return refusal;
  }
  show(reply->payload(), latency, more, output);
  return Exit::done;
}

constexpr std::array kCallOptions{
    Option{"timeout", "DURATION", "how long to wait for the answer (default: 5s)"},
    kTraceOption,
    kTraceparentOption,
};

}  // namespace

const Command call_command{
    .name = "call",
    .summary = "call an agent's action and print its answer",
    .operands = "AGENT ACTION [PAYLOAD]",
    .options = kCallOptions,
    .details =
        "AGENT is a name or an id. PAYLOAD is text, @FILE, or - for standard input.\n"
        "\n"
        "Examples:\n"
        "  mabeam call jobs increment 5\n"
        "  mabeam call jobs get --json | jq .reply\n"
        "  mabeam call parser parse @/etc/hosts --timeout 250ms\n"
        "  mabeam call jobs increment 5 --trace\n",
    .run = run_call};

}  // namespace mabeam::tools

// mabeam emit: one event on a topic.
#include "shm/topics.hpp"
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

Outcome<Exit> run_emit(const Arguments& arguments, Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{1});
  if (!timeout) return tl::unexpected(timeout.error());
  const auto payload = PayloadArgument::read(arguments.operand(1));
  if (!payload) return tl::unexpected(payload.error());
  const std::string_view topic = *arguments.operand(0);
  if (const Result<> checked = shm::check_topic(topic); !checked) {
    return refuse_typed(checked.error(), "topic '" + one_line(topic) + "'");
  }
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());
  if (const auto told = trace_as_told(arguments, *client); !told) {
    return tl::unexpected(told.error());
  }

  const Result<> emitted = client->emit(topic, payload->ref(), *timeout);
  if (!emitted) return refuse(emitted.error(), "cannot emit on '" + one_line(topic) + "'");
  Json document{{"topic", topic}, {"source", to_string(client->id())}};
  tell_trace(arguments, *client, document, output);
  if (output.json()) output.document(document);
  return Exit::done;
}

constexpr std::array kEmitOptions{
    Option{"timeout", "DURATION", "how long to wait for room (default: 1s)"},
    kTraceOption,
    kTraceparentOption,
};

}  // namespace

const Command emit_command{.name = "emit",
                           .summary = "emit an event on a topic",
                           .operands = "TOPIC [PAYLOAD]",
                           .options = kEmitOptions,
                           .details =
                               "PAYLOAD is text, @FILE, or - for standard input.\n"
                               "\n"
                               "Examples:\n"
                               "  mabeam emit job.done 17\n"
                               "  mabeam emit config.changed @/etc/app.json\n",
                           .run = run_emit};

}  // namespace mabeam::tools

// mabeam trace: recent traces, the tree of one, and their export.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"
#include "tools/trace_chrome.hpp"
#include "tools/views.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

namespace mabeam::tools {

namespace {

constexpr std::uint64_t kShownTraces = 20;
constexpr std::uint32_t kDeepestShown = 24;  // a longer chain goes on below itself

std::string latency(std::int64_t ns) {
  return human_latency(static_cast<std::uint64_t>(ns));
}

std::string traces_table(const TraceList& list, bool colour) {
  Table table({{"TRACE"},
               {"ROOT"},
               {"SPANS", Align::right},
               {"ERRORS", Align::right},
               {"DURATION", Align::right}});
  for (const TraceView& trace : list.traces) {
    table.add({to_string(trace.id), trace.root, human_count(trace.spans),
               Cell{human_count(trace.errors), trace.errors == 0 ? Tone::plain : Tone::bad},
               latency(trace.duration_ns)});
  }
  return table.render(colour);
}

std::string tree_text(const SpanView& span) {
  std::string text(std::size_t{2} * std::min(span.depth, kDeepestShown), ' ');
  text += span.is_client ? "client " + span.kind : span.kind;
  return span.name.empty() ? text : text + " " + span.name;
}

std::string agent_text(const Observer& observer, const SpanView& span) {
  if (!span.agent) return "-";
  const Result<AgentView> agent = observer.agent(span.agent);
  return agent && !agent->name.empty() ? agent->name : to_string(span.agent);
}

// Nobody answers a client's signal or event.
std::string handled_text(const SpanView& span) {
  return span.is_client && span.handled_ns() == 0 ? "-" : latency(span.handled_ns());
}

std::string where_text(const SpanView& span) {
  if (!span.worker) return span.endpoint_name;
  return span.endpoint_name + ", worker " + std::to_string(*span.worker);
}

std::string tree_table(const Observer& observer, const SpanList& list, bool colour) {
  Table table({{"SPAN"},
               {"AGENT"},
               {"WHERE"},
               {"QUEUED", Align::right},
               {"HANDLED", Align::right},
               {"RESULT"}});
  for (const SpanView& span : list.spans) {
    std::string result = span.error ? std::string(code_name(*span.error)) : "ok";
    if (span.attempt > 1) result += ", attempt " + std::to_string(span.attempt);
    table.add({tree_text(span), agent_text(observer, span), where_text(span),
               span.is_client ? "-" : latency(span.queued_ns()), handled_text(span),
               Cell{result, span.error ? Tone::bad : Tone::plain}});
  }
  return table.render(colour);
}

Outcome<Exit> write_chrome(const std::string& path, const SpanList& list, Output& output) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << dump(chrome_document(list)) << '\n';
  file.close();
  if (!file) {
    return tl::unexpected(Failure{.exit = Exit::refused,
                                  .code = std::string(code_name(Errc::system)),
                                  .message = "cannot write '" + one_line(path) +
                                             "': " + std::generic_category().message(errno)});
  }
  if (output.json()) {
    output.document({{"file", path}, {"spans", list.spans.size()}});
  } else {
    output.note(human_count(list.spans.size()) + " spans; open the file in ui.perfetto.dev");
  }
  return Exit::done;
}

void note_damage(std::uint64_t damaged, Output& output) {
  if (damaged == 0) return;
  output.note(human_count(damaged) + " are damaged and left out: mabeam verify says which");
}

Outcome<Exit> list_traces(const Observer& observer, std::size_t limit, Output& output) {
  const TraceList list = observer.traces(limit);
  if (output.json()) {
    output.document(traces_document(list));
    return Exit::done;
  }
  output.print(traces_table(list, output.style().colour));
  if (list.total == 0) {
    output.note("nothing is traced: set [trace] sample, or call with --trace");
  } else if (list.total > list.traces.size()) {
    output.note(human_count(list.total - list.traces.size()) + " older ones are left out");
  }
  note_damage(list.damaged, output);
  return Exit::done;
}

Outcome<Exit> run_trace(const Arguments& arguments, Output& output) {
  const auto limit = arguments.number("limit", kShownTraces, 1);
  if (!limit) return tl::unexpected(limit.error());
  TraceId id;
  if (const auto word = arguments.operand(0)) {
    const auto parsed = parse_trace_id(*word);
    if (!parsed) {
      return usage_error("'" + one_line(*word) +
                         "' is no trace's id: 32 hexadecimal digits in lower case");
    }
    id = *parsed;
  }
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const auto chrome = arguments.value("chrome");
  if (!id && !chrome) return list_traces(*observer, static_cast<std::size_t>(*limit), output);
  const SpanList list = observer->spans(id);
  if (id && list.spans.empty()) {
    return tl::unexpected(
        Failure{.exit = Exit::refused,
                .code = std::string(code_name(Errc::not_found)),
                .message = "no span of trace " + to_string(id) +
                           " is kept: newer ones have taken its place, or there was none"});
  }
  if (chrome) return write_chrome(std::string(*chrome), list, output);
  if (output.json()) {
    output.document(spans_document(list));
    return Exit::done;
  }
  output.print(tree_table(*observer, list, output.style().colour));
  note_damage(list.damaged, output);
  return Exit::done;
}

constexpr std::array kTraceOptions{
    Option{"limit", "N", "the latest so many traces (default: 20)"},
    Option{"chrome", "FILE", "write Chrome's trace events, for ui.perfetto.dev, instead"},
    kFileOption,
};

}  // namespace

Json traces_document(const TraceList& list) {
  Json traces = Json::array();
  for (const TraceView& trace : list.traces) {
    traces.push_back({{"id", to_string(trace.id)},
                      {"root", trace.root},
                      {"spans", trace.spans},
                      {"errors", trace.errors},
                      {"begun_ns", trace.begun_ns},
                      {"duration_ns", trace.duration_ns}});
  }
  return Json{{"traces", traces}, {"total", list.total}, {"damaged", list.damaged}};
}

Json spans_document(const SpanList& list) {
  Json spans = Json::array();
  for (const SpanView& span : list.spans) {
    spans.push_back(
        {{"trace", to_string(span.trace)},
         {"id", to_string(span.id)},
         {"parent", span.parent == SpanId::none ? Json(nullptr) : Json(to_string(span.parent))},
         {"depth", span.depth},
         {"side", span.is_client ? "client" : "handler"},
         {"kind", span.kind},
         {"name", span.name},
         {"agent", to_string(span.agent)},
         {"source", to_string(span.source)},
         {"endpoint", span.endpoint},
         {"endpoint_name", span.endpoint_name},
         {"worker", span.worker ? Json(*span.worker) : Json(nullptr)},
         {"attempt", span.attempt},
         {"sent_ns", span.sent_ns},
         {"started_ns", span.started_ns},
         {"ended_ns", span.ended_ns},
         {"queued_ns", span.queued_ns()},
         {"handled_ns", span.handled_ns()},
         {"error", span.error ? Json(code_name(*span.error)) : Json(nullptr)}});
  }
  return Json{{"spans", spans}, {"damaged", list.damaged}};
}

const Command trace_command{
    .name = "trace",
    .summary = "recent traces, and what came of one message",
    .operands = "[TRACE]",
    .options = kTraceOptions,
    .details =
        "A trace is what came of one message that a client sent, or of a timer: all that agents\n"
        "sent, emitted, called and created for it. [trace] sample says which share of messages\n"
        "begins one; call, send and emit begin one with --trace. Without TRACE the latest are\n"
        "listed; with it, its tree: how long each message waited, how long it was handled, and "
        "its\n"
        "result. Spans are kept as long as nobody needs their room ([trace] ring_bytes).\n"
        "\n"
        "Examples:\n"
        "  mabeam call jobs increment 5 --trace\n"
        "  mabeam trace\n"
        "  mabeam trace 0af7651916cd43dd8448eb211c80319c\n"
        "  mabeam trace --chrome all.json\n",
    .run = run_trace};

}  // namespace mabeam::tools

#include "tools/trace_chrome.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace mabeam::tools {

namespace {

constexpr std::uint32_t kClients = 0;  // process; workers are 1 and up
constexpr double kPerMicrosecond = 1000.0;

std::uint32_t process_of(const SpanView& span) {
  return span.worker ? *span.worker + 1 : kClients;
}

double microseconds(std::int64_t time_ns) {
  return static_cast<double>(time_ns) / kPerMicrosecond;
}

Json event(const SpanView& span, const char* phase, std::int64_t time_ns) {
  return Json{{"ph", phase},
              {"pid", process_of(span)},
              {"tid", span.endpoint},
              {"ts", microseconds(time_ns)}};
}

std::string title_of(const SpanView& span) {
  return span.name.empty() ? span.kind : span.kind + " " + span.name;
}

Json slice(const SpanView& span) {
  Json slice = event(span, "X", span.started_ns);
  slice["dur"] = microseconds(span.handled_ns());
  slice["name"] = title_of(span);
  slice["cat"] = span.is_client ? "client" : "handler";
  slice["args"] = {{"trace_id", to_string(span.trace)},
                   {"span_id", to_string(span.id)},
                   {"parent_id", to_string(span.parent)},
                   {"agent", to_string(span.agent)},
                   {"queued_ns", span.queued_ns()},
                   {"result", span.error ? code_name(*span.error) : "ok"}};
  return slice;
}

Json name_event(const char* what, std::uint32_t process, std::uint32_t thread,
                const std::string& name) {
  return Json{
      {"ph", "M"}, {"name", what}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}};
}

/// An arrow begins in the slice of the sender, when the message was sent, and ends in that of its
/// handler.
void add_arrow(Json& events, const SpanView& from, const SpanView& to) {
  const std::string id = to_string(to.id);
  Json begin = event(from, "s", std::min(std::max(to.sent_ns, from.started_ns), from.ended_ns));
  Json end = event(to, "f", to.started_ns);
  end["bp"] = "e";
  for (Json* each : {&begin, &end}) {
    (*each)["name"] = "message";
    (*each)["cat"] = "message";
    (*each)["id"] = id;
    events.push_back(std::move(*each));
  }
}

}  // namespace

Json chrome_document(const SpanList& list) {
  Json events = Json::array();
  std::set<std::uint32_t> processes;
  std::set<std::pair<std::uint32_t, std::uint32_t>> threads;
  std::map<std::pair<TraceId, SpanId>, const SpanView*> by_id;
  for (const SpanView& span : list.spans) {
    const std::uint32_t process = process_of(span);
    if (processes.insert(process).second) {
      const std::string name =
          process == kClients ? "clients" : "worker " + std::to_string(process - 1);
      events.push_back(name_event("process_name", process, 0, name));
    }
    if (threads.emplace(process, span.endpoint).second) {
      events.push_back(name_event("thread_name", process, span.endpoint, span.endpoint_name));
    }
    by_id.emplace(std::pair{span.trace, span.id}, &span);
  }
  for (const SpanView& span : list.spans) {
    events.push_back(slice(span));
    const auto parent = by_id.find({span.trace, span.parent});
    if (parent != by_id.end()) add_arrow(events, *parent->second, span);
  }
  return Json{{"displayTimeUnit", "ns"}, {"traceEvents", events}};
}

}  // namespace mabeam::tools

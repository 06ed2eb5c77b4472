// The scene as a program reads it.
#include "tools/dump/scene.hpp"
#include "tools/fact_text.hpp"
#include "tools/views.hpp"

#include <array>
#include <cstdio>

namespace mabeam::tools {

namespace {

Json null_if_zero(std::int64_t time_ns) {
  return time_ns == 0 ? Json(nullptr) : Json(time_ns);
}

std::string hex16(std::uint64_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

Json remains_document(const WorkerRemains& worker) {
  return Json{{"index", worker.index},
              {"last_pid", worker.pid},
              {"incarnation", worker.incarnation},
              {"started_unix_ns", null_if_zero(worker.started_unix_ns)},
              {"heard_unix_ns", null_if_zero(worker.heard_unix_ns)}};
}

Json turn_document(const OpenTurnView& turn) {
  return Json{{"shard", turn.shard},
              {"worker", turn.worker ? Json(*turn.worker) : Json(nullptr)},
              {"incarnation", turn.incarnation},
              {"is_committed", turn.is_committed},
              {"what", turn.what},
              {"agent", turn.agent ? Json(to_string(turn.agent)) : Json(nullptr)},
              {"agent_name", turn.agent_name},
              {"agent_type", turn.agent_type},
              {"kind", turn.kind},
              {"handling", turn.handling},
              {"messages_before", turn.before},
              {"deaths", turn.deaths}};
}

Json ring_document(const WaitingRing& ring) {
  constexpr std::array<std::string_view, 3> kPriorities{"high", "normal", "low"};
  Json first = Json::array();
  for (const WaitingMessage& message : ring.first) {
    first.push_back({{"kind", message.kind},
                     {"name", message.name},
                     {"source", to_string(message.source)},
                     {"target", to_string(message.target)},
                     {"target_name", message.target_name},
                     {"age_seconds", message.age_seconds}});
  }
  return Json{{"from", ring.from_name},
              {"to", ring.to_name},
              {"priority", kPriorities.at(static_cast<std::size_t>(ring.priority))},
              {"messages", ring.messages},
              {"bytes", ring.bytes},
              {"is_damaged", ring.is_damaged},
              {"first", first}};
}

Json frame_document(const FrameView& frame, const FramePlace& place) {
  return Json{{"module", frame.module},     {"address", hex16(frame.address)},
              {"function", place.function}, {"offset_bytes", place.offset},
              {"file", place.file},         {"line", place.line},
              {"trouble", place.trouble}};
}

Json backtrace_document(const BacktraceView& backtrace, const std::vector<FramePlace>& places) {
  Json frames = Json::array();
  for (std::size_t i = 0; i < backtrace.frames.size(); ++i)
    frames.push_back(frame_document(backtrace.frames[i], places[i]));
  Json modules = Json::array();
  for (const ModuleView& module : backtrace.modules)
    modules.push_back({{"path", module.path}, {"build_id", module.build_id}});
  return Json{
      {"time_unix_ns", backtrace.unix_ns},
      {"worker", backtrace.worker},
      {"incarnation", backtrace.incarnation},
      {"last_pid", backtrace.pid},
      {"signal", backtrace.signal},
      {"signal_name", signal_text(backtrace.signal)},
      {"fault_address", backtrace.code > 0 ? Json(hex16(backtrace.fault_address)) : Json(nullptr)},
      {"agent", backtrace.agent ? Json(to_string(backtrace.agent)) : Json(nullptr)},
      {"handling", backtrace.handling},
      {"is_whole", backtrace.is_whole},
      {"frames", frames},
      {"modules", modules}};
}

template <class List, class Make>
Json each_of(const List& list, const Make& make) {
  Json array = Json::array();
  for (const auto& each : list)
    array.push_back(make(each));
  return array;
}

}  // namespace

Json scene_document(const Scene& scene) {
  const PostMortem& past = scene.past;
  Json backtraces = Json::array();
  for (std::size_t i = 0; i < past.backtraces.size(); ++i)
    backtraces.push_back(backtrace_document(past.backtraces[i], scene.places[i]));
  Json supervisor{
      {"last_pid", past.supervisor_pid == 0 ? Json(nullptr) : Json(past.supervisor_pid)},
      {"heard_unix_ns", null_if_zero(past.supervisor_heard_unix_ns)},
      {"is_alive", past.is_copy ? Json(nullptr) : Json(scene.runtime.supervisor_pid.has_value())}};
  return Json{{"is_copy", past.is_copy},
              {"created_unix_ns", scene.runtime.created_unix_ns},
              {"last_sign_unix_ns", past.last_sign_unix_ns},
              {"config_digest", hex16(scene.runtime.reloads.config_digest)},
              {"supervisor", supervisor},
              {"ps", ps_document(scene.runtime)},
              {"workers", each_of(past.workers, remains_document)},
              {"turns", each_of(past.turns, turn_document)},
              {"waiting", each_of(past.waiting, ring_document)},
              {"backtraces", backtraces},
              {"deadletters", dead_letters_document(scene.letters)},
              {"recorder", facts_document(past.recorder)},
              {"unreadable", scene.unreadable}};
}

}  // namespace mabeam::tools

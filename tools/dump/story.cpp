// The scene as a person reads it.
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/dump/scene.hpp"
#include "tools/fact_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mabeam::tools {

namespace {

constexpr std::string_view kIndent = "    ";

std::string hex_text(std::uint64_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(number));
  return text.data();
}

std::string section(std::string_view title) {
  return "\n" + std::string{title} + "\n";
}

std::string quoted_text(const std::string& text) {
  return "'" + one_line(text) + "'";
}

std::string plural(std::uint64_t count, const std::string& thing) {
  return human_count(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string agent_text(AgentId id, const std::string& name) {
  std::string text = "agent " + to_string(id);
  if (!name.empty()) text += " " + quoted_text(name);
  return text;
}

std::string lived_text(const Scene& scene) {
  const double ns = static_cast<double>(scene.past.last_sign_unix_ns) -
                    static_cast<double>(scene.runtime.created_unix_ns);
  return human_seconds(std::max(ns, 0.0) / 1e9);
}

std::string supervisor_text(const Scene& scene) {
  const PostMortem& past = scene.past;
  if (past.supervisor_pid == 0) return "no supervisor: the last one has left in order\n";
  std::string text = "supervisor " + std::to_string(past.supervisor_pid) + ": ";
  if (past.is_copy) {
    text += "whether it lives is not known";
  } else {
    text += scene.runtime.supervisor_pid ? "alive" : "dead";
  }
  return text + ", last heard " + time_of_day_text(past.supervisor_heard_unix_ns) + "\n";
}

std::string head_text(const Scene& scene) {
  const RuntimeView& runtime = scene.runtime;
  const ReloadsView& reloads = runtime.reloads;
  std::string text =
      "runtime " + one_line(runtime.name) + ": " + std::string{to_string(runtime.state)} +
      ", segment of " + human_bytes(runtime.segment_bytes) + " with " +
      plural(runtime.shards, "shard") + ", made " + date_text(runtime.created_unix_ns) + "\n";
  text += "configuration " + hex_text(reloads.config_digest) + ", reloaded " +
          human_count(reloads.taken) + " times, refused " + human_count(reloads.refused) +
          "; taken over " + human_count(runtime.takeovers) + " times\n";
  text += supervisor_text(scene);
  text += "last sign of life " + date_text(scene.past.last_sign_unix_ns) + ", after " +
          lived_text(scene);
  return text + (scene.past.is_copy ? " (a copy of its segment)\n" : "\n");
}

std::string exit_words(const ExitView& exit) {
  std::string text{to_string(exit.cause)};
  if (exit.signal != 0) text += " " + signal_text(exit.signal);
  if (exit.cause == ExitCause::exit) text += " with " + std::to_string(exit.code);
  return text + " at " + time_of_day_text(exit.time_unix_ns);
}

std::string worker_text(const WorkerView& worker, const Scene& scene) {
  std::string text =
      "worker " + std::to_string(worker.index) + ": " + std::string{to_string(worker.state)};
  if (worker.breaker != "closed") text += ", breaker " + std::string{worker.breaker};
  const auto& all = scene.past.workers;
  const auto remains = std::find_if(all.begin(), all.end(), [&](const WorkerRemains& each) {
    return each.index == worker.index;
  });
  if (remains != all.end() && remains->pid != 0) {
    text += ", pid " + std::to_string(remains->pid);
    if (!scene.past.is_copy && !worker.pid) text += " (dead)";
    text += ", incarnation " + std::to_string(remains->incarnation) + ", heard " +
            time_of_day_text(remains->heard_unix_ns);
  }
  text += ", " + plural(worker.restarts, "restart") + ", " + plural(worker.agents, "agent");
  if (!worker.shards.empty()) {
    std::string shards;
    for (const std::uint32_t shard : worker.shards)
      shards += (shards.empty() ? "" : ",") + std::to_string(shard);
    text += ", shards " + shards;
  }
  const bool has_exit = worker.last_exit && worker.last_exit->cause != ExitCause::none;
  if (has_exit) text += "\n" + std::string{kIndent} + "last exit: " + exit_words(*worker.last_exit);
  return text + "\n";
}

std::string turn_text(const OpenTurnView& turn) {
  std::string text = "shard " + std::to_string(turn.shard);
  if (turn.worker) {
    text += " of worker " + std::to_string(*turn.worker) + " (incarnation " +
            std::to_string(turn.incarnation) + ")";
  }
  text += ": ";
  if (!turn.what.empty()) {
    text += turn.kind.empty() ? turn.what : turn.kind;
    if (!turn.handling.empty()) text += " " + quoted_text(turn.handling);
    if (turn.agent) text += " in " + agent_text(turn.agent, turn.agent_name);
    if (!turn.agent_type.empty()) text += " of type " + one_line(turn.agent_type);
    if (turn.before != 0) text += ", after " + plural(turn.before, "message") + " in the same turn";
    if (turn.deaths != 0) {
      text += "; " + plural(turn.deaths, "worker") + " had died at it before";
    }
  }
  if (turn.is_committed) {
    text += std::string{turn.what.empty() ? "" : "; "} +
            "a turn is committed and not wholly applied: whoever takes over does that first";
  }
  return text + "\n";
}

std::string ring_text(const WaitingRing& ring) {
  constexpr std::array<std::string_view, 3> kPriorities{"high", "normal", "low"};
  const auto priority = static_cast<std::size_t>(ring.priority);
  std::string text = ring.from_name + " to " + ring.to_name + ", " +
                     std::string{priority < kPriorities.size() ? kPriorities[priority] : "?"} +
                     ": " + plural(ring.messages, "message") + ", " + human_bytes(ring.bytes) +
                     (ring.is_damaged ? ", then damage\n" : "\n");
  for (const WaitingMessage& message : ring.first) {
    text += std::string{kIndent} + message.kind;
    if (!message.name.empty()) text += " " + quoted_text(message.name);
    text += " for " + agent_text(message.target, message.target_name) + ", " +
            human_seconds(message.age_seconds) + " old\n";
  }
  const std::uint64_t unlisted = ring.messages - std::min(ring.messages, ring.first.size());
  if (unlisted != 0) text += std::string{kIndent} + "... and " + human_count(unlisted) + " more\n";
  return text;
}

std::string frame_text(std::size_t index, const FrameView& frame, const FramePlace& place) {
  std::string number = "#" + std::to_string(index);
  number.resize(4, ' ');
  std::string text = std::string{kIndent} + number;
  const std::string module = frame.module.substr(frame.module.rfind('/') + 1);
  if (place.function.empty()) {
    text += (module.empty() ? "" : one_line(module) + " + ") + std::string{"0x"} +
            hex_text(frame.address);
  } else {
    text += one_line(place.function) + " + 0x" + hex_text(place.offset) + " in " + one_line(module);
  }
  if (!place.file.empty()) text += ", " + one_line(place.file) + ":" + std::to_string(place.line);
  if (!place.trouble.empty()) text += " (" + place.trouble + ")";
  return text + "\n";
}

bool has_same_frames(const BacktraceView& a, const BacktraceView& b) {
  return std::equal(a.frames.begin(), a.frames.end(), b.frames.begin(), b.frames.end(),
                    [](const FrameView& one, const FrameView& other) {
                      return one.module == other.module && one.address == other.address;
                    });
}

std::string frames_text(const BacktraceView& backtrace, const std::vector<FramePlace>& places) {
  std::string text;
  for (std::size_t i = 0; i < backtrace.frames.size(); ++i)
    text += frame_text(i, backtrace.frames[i], places[i]);
  if (!backtrace.is_whole) {
    text += std::string{kIndent} + "it died again before it could write its frames\n";
  }
  return text;
}

std::string backtrace_text(const BacktraceView& backtrace) {
  std::string text = "worker " + std::to_string(backtrace.worker) + ", incarnation " +
                     std::to_string(backtrace.incarnation) + ", pid " +
                     std::to_string(backtrace.pid) + " at " + time_of_day_text(backtrace.unix_ns) +
                     ": " + signal_text(backtrace.signal);
  text += backtrace.code > 0 ? " at address 0x" + hex_text(backtrace.fault_address)
                             : std::string{", sent by a process"};
  if (backtrace.agent) {
    text += "\n" + std::string{kIndent} + "while " + to_string(backtrace.agent) + " handled " +
            quoted_text(backtrace.handling);
  }
  return text + "\n";
}

// Who dies again and again dies at one place: it is told once.
std::string backtraces_text(const Scene& scene) {
  const auto& all = scene.past.backtraces;
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    text += backtrace_text(all[i]);
    const bool is_same = i != 0 && all[i].is_whole && has_same_frames(all[i], all[i - 1]);
    text += is_same ? std::string{kIndent} + "in the same frames\n"
                    : frames_text(all[i], scene.places[i]);
  }
  return text;
}

std::string letters_text(const DeadLetterList& list) {
  std::string text;
  for (const DeadLetterView& letter : list.letters) {
    text += std::string{kIndent} + letter.reason + ": " + letter.kind;
    if (!letter.name.empty()) text += " " + quoted_text(letter.name);
    text += " for " + agent_text(letter.target, {}) + " (" + to_string(letter.id) + ")\n";
  }
  const std::uint64_t unlisted = list.total - std::min(list.total, list.letters.size());
  if (unlisted != 0) text += std::string{kIndent} + "... and " + human_count(unlisted) + " more\n";
  return text;
}

}  // namespace

std::string scene_story(const Scene& scene) {
  const PostMortem& past = scene.past;
  std::string text = head_text(scene) + section("WORKERS");
  for (const WorkerView& worker : scene.runtime.workers)
    text += worker_text(worker, scene);
  text += section("OPEN TURNS");
  for (const OpenTurnView& turn : past.turns)
    text += turn_text(turn);
  if (past.turns.empty()) text += "none: no handler ran\n";
  text += section("MESSAGES THAT WAIT");
  for (const WaitingRing& ring : past.waiting)
    text += ring_text(ring);
  if (past.waiting.empty()) text += "none\n";
  text += section("BACKTRACES");
  text += backtraces_text(scene);
  if (past.backtraces.empty()) text += "none: no worker was killed by a signal that leaves one\n";
  text += section("DEAD LETTERS");
  text += "waiting: " + human_count(scene.letters.waiting) + "\n" + letters_text(scene.letters);
  text += section("THE LAST " + human_seconds(static_cast<double>(scene.last.count()) / 1e9));
  for (const FactView& fact : past.recorder.facts)
    text += fact_line(fact);
  if (past.recorder.facts.empty()) text += "nothing was recorded\n";
  if (!scene.unreadable.empty()) text += section("WHAT COULD NOT BE READ");
  for (const std::string& each : scene.unreadable)
    text += each + "\n";
  return text;
}

}  // namespace mabeam::tools

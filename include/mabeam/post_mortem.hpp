// PostMortem: what an Observer tells of the past: the flight recorder, what every process was at
// when it was last heard, and the backtraces of workers that a signal has killed.
//
// All of it is in the segment, so it is there on a live, a hung and a dead runtime, and in a copy
// of its file. Whoever dies while he writes leaves one record less, which is counted.
#pragma once

#include "mabeam/export.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mabeam {

enum class FactLevel : std::uint8_t { trace, debug, info, warn, error };

/// "info"; "unknown" for a number that is no level.
MABEAM_API std::string_view to_string(FactLevel level);

using FactValue = std::variant<std::int64_t, std::uint64_t, double, std::string>;

struct FactField {
  std::string key = {};
  FactValue value = {};
};

/// One record of the flight recorder: the same sentence and fields as a line of the log.
struct FactView {
  std::uint64_t number = 0;  ///< in the order of writing, from 0 on
  std::int64_t unix_ns = 0;
  std::int64_t monotonic_ns = 0;
  FactLevel level = FactLevel::info;
  std::optional<std::uint32_t> written_by =
      {};                 ///< the worker that wrote it; nothing: the supervisor
  std::uint32_t pid = 0;  ///< of whoever wrote it
  std::string text = {};
  std::vector<FactField> fields = {};
  bool is_cut = false;  ///< there was more than a record holds

  /// The worker that it is about, if there is one.
  [[nodiscard]] MABEAM_API std::optional<std::uint64_t> worker() const;
};

struct FactList {
  std::vector<FactView> facts = {};  ///< oldest first
  std::uint64_t begun = 0;           ///< ever
  std::uint64_t oldest = 0;  ///< number from which on they are kept; others were overwritten
  std::uint64_t torn = 0;    ///< whose writer died, was at work, or was overtaken by others
  std::uint64_t damaged = 0;
};

struct FrameView {
  std::string module = {};    ///< path of the program or shared object; empty: none that is known
  std::uint64_t address = 0;  ///< as in the module's own symbols; without one: in memory
};

struct ModuleView {
  std::string path = {};
  std::string build_id = {};  ///< in hexadecimal digits; empty: it has none
};

/// What a worker has written of itself when a signal killed it.
struct BacktraceView {
  std::uint64_t number = 0;
  std::int64_t unix_ns = 0;
  std::int64_t monotonic_ns = 0;
  std::uint32_t worker = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t pid = 0;
  std::int32_t signal = 0;
  std::int32_t code = 0;               ///< si_code: SEGV_MAPERR...; 0 or less: a process sent it
  std::uint64_t fault_address = 0;     ///< for a signal that was the processor's
  AgentId agent = {};                  ///< whose handler ran; nobody: none
  std::string handling = {};           ///< the action, signal or topic; may be empty
  bool is_whole = true;                ///< false: it died again while it walked its frames
  std::vector<FrameView> frames = {};  ///< innermost first
  std::vector<ModuleView> modules = {};
};

/// A turn in which a handler runs, or whose worker died in one, or between commit and apply.
struct OpenTurnView {
  std::uint32_t shard = 0;
  std::optional<std::uint32_t> worker = {};  ///< that has, or had, the shard
  std::uint32_t incarnation = 0;
  bool is_committed = false;  ///< its effects are decided, and not all visible yet
  std::string what = {};      ///< "message", "event", "timer"...; empty: no handler ran
  AgentId agent = {};
  std::string agent_name = {};
  std::string agent_type = {};
  std::string kind = {};      ///< of a message: "request", "signal"
  std::string handling = {};  ///< the action, signal or topic
  std::uint64_t before = 0;   ///< messages of its ring that the turn had handled before
  std::uint32_t deaths = 0;   ///< of workers in a row, with the same at hand
};

/// A message that waits in a ring.
struct WaitingMessage {
  std::string kind = {};
  std::string name = {};  ///< the action, signal, topic or type
  AgentId source = {};
  AgentId target = {};
  std::string target_name = {};
  double age_seconds = 0;  ///< at last_sign_ns
};

struct WaitingRing {
  std::uint32_t from = 0;  ///< endpoint
  std::uint32_t to = 0;    ///< endpoint
  std::string from_name = {};
  std::string to_name = {};
  Priority priority = Priority::normal;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  bool is_damaged = false;                 ///< its records do not parse from some point on
  std::vector<WaitingMessage> first = {};  ///< the oldest
};

/// A worker as its slot has it, whether it lives or not.
struct WorkerRemains {
  std::uint32_t index = 0;
  std::uint32_t pid = 0;  ///< the last that had the slot; 0: none ever
  std::uint32_t incarnation = 0;
  std::int64_t started_unix_ns = 0;  ///< 0: never
  std::int64_t heard_unix_ns = 0;    ///< its last heartbeat; 0: none
};

struct PostMortemOptions {
  std::size_t messages = 3;  ///< that are shown of each ring
};

struct PostMortem {
  bool is_copy = false;              ///< of a file: whether processes live is not known
  std::uint32_t supervisor_pid = 0;  ///< the last one, whether it lives or not; 0: it left in order
  std::int64_t supervisor_heard_unix_ns = 0;
  std::int64_t last_sign_unix_ns = 0;  ///< the newest of all that was written with its time
  std::vector<WorkerRemains> workers = {};
  std::vector<OpenTurnView> turns = {};
  std::vector<WaitingRing> waiting = {};
  std::uint64_t damaged_rings = 0;             ///< that cannot be read at all
  std::vector<BacktraceView> backtraces = {};  ///< oldest first
  std::uint64_t damaged_backtraces = 0;
  FactList recorder = {};
};

}  // namespace mabeam

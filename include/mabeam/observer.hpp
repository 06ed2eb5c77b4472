// Observer: read-only views of a runtime; what every inspection tool is made of.
//
// An observer maps the segment read-only and holds no endpoint, so it works on a hung or dead
// runtime and can be killed at any time unnoticed. What it returns are copies, a moment old; while
// the runtime works, a view may show one turn half applied. Nothing that it reads is trusted:
// damage gives corrupt, or an entry that is left out and counted, never a crash.
#pragma once

#include "mabeam/channels.hpp"
#include "mabeam/dead_letters.hpp"
#include "mabeam/export.hpp"
#include "mabeam/history.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/limits.hpp"
#include "mabeam/payload.hpp"
#include "mabeam/post_mortem.hpp"
#include "mabeam/result.hpp"
#include "mabeam/trace.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam {

enum class RuntimeState : std::uint32_t { building, running, draining, stopped, removed };
enum class WorkerState : std::uint32_t {
  stopped,
  starting,
  ready,
  degraded,
  suspect,
  killing,
  draining,
  stopping,
  backoff,
  failed,
  open,      ///< its circuit breaker is open: its shards run elsewhere
  half_open  ///< an incarnation on trial, with one shard
};
enum class ExitCause : std::uint32_t {
  none,
  asked,
  exit,
  signal,
  hang,
  memory,
  limit,
  not_ready,
  unknown
};
/// resuming: what waited while it was suspended is handled first. busy is kept nowhere: a view says
/// it of a ready agent whose handler ran when it looked.
enum class Lifecycle : std::uint8_t {
  free,
  initializing,
  ready,
  suspended,
  terminating,
  resuming,
  busy
};
inline constexpr Lifecycle kLastLifecycle = Lifecycle::resuming;  ///< that is kept

/// The words that tools print: "ready", "signal".
MABEAM_API std::string_view to_string(RuntimeState state);
MABEAM_API std::string_view to_string(WorkerState state);
MABEAM_API std::string_view to_string(ExitCause cause);
MABEAM_API std::string_view to_string(Lifecycle lifecycle);

struct ExitView {
  ExitCause cause = ExitCause::none;
  std::int32_t code = 0;    ///< exit status, where there was one
  std::int32_t signal = 0;  ///< the signal that killed it, or 0
  std::int64_t time_unix_ns = 0;
};

struct WorkerView {
  std::uint32_t index = 0;
  std::optional<std::uint32_t> pid;  ///< nothing when there is no process
  WorkerState state = WorkerState::stopped;
  std::uint64_t restarts = 0;
  std::vector<std::uint32_t> shards;  ///< as endpoint numbers minus 1: shard 0 is endpoint 1
  std::uint64_t agents = 0;
  std::uint64_t memory_bytes = 0;  ///< anonymous memory, read from /proc when the view was made
  std::uint64_t memory_limit_bytes = 0;  ///< 0: none
  double uptime_seconds = 0;
  double heartbeat_age_seconds = 0;
  std::optional<ExitView> last_exit;
  std::string_view breaker = "closed";  ///< closed, open, half_open
  bool is_breaker_forced = false;       ///< somebody has set it
};

/// What became of the attempts to read the configuration again.
struct ReloadsView {
  std::uint64_t config_digest = 0;  ///< of the configuration in force
  std::uint64_t taken = 0;
  std::uint64_t refused = 0;
  bool is_last_refused = false;   ///< the last one had faults, or its workers did not start with it
  std::int64_t last_unix_ns = 0;  ///< 0: never
};

struct RuntimeView {
  std::string name;
  RuntimeState state = RuntimeState::building;
  std::optional<std::uint32_t> supervisor_pid;  ///< nothing when there is no supervisor
  double supervisor_heartbeat_age_seconds = 0;  ///< of the last one, if there is none; 0: unknown
  std::uint64_t segment_bytes = 0;
  std::uint32_t shards = 0;
  std::uint32_t clients = 0;
  std::uint64_t max_agents = 0;
  std::int64_t created_unix_ns = 0;
  std::uint64_t takeovers = 0;  ///< supervisors that came before this one
  ReloadsView reloads;
  std::string serve_listen;  ///< `[serve] listen` of the configuration that it was made with
  std::vector<WorkerView> workers;
};

struct AgentView {
  AgentId id;
  std::string name;
  std::string type;
  std::uint32_t shard = 0;
  std::optional<std::uint32_t> worker;
  Lifecycle lifecycle = Lifecycle::free;
  std::optional<Errc> reason;  ///< why it is suspended: suspended is by request
  std::uint64_t version = 0;   ///< how many turns have changed it
  std::uint64_t handled = 0;   ///< messages and events it has handled
  std::vector<std::string> capabilities;
  AgentId parent;  ///< as it was made; may be gone
};

/// Which agents; what is empty is not asked about, and all of the rest must hold.
struct AgentFilter {
  std::string type = {};
  std::string capability = {};
  std::size_t limit = 0;                           ///< 0 is all
  std::size_t offset = 0;                          ///< how many of those that match are left out
  std::vector<std::string> all_capabilities = {};  ///< it has each of these
  std::vector<std::string> any_capabilities = {};  ///< it has at least one of these
  std::string name = {};  ///< a pattern: `*` is any text, `?` any one byte; "jobs*" is a prefix
  AgentId parent = {};
};

struct AgentList {
  std::vector<AgentView> agents;  ///< by shard, then slot
  std::uint64_t total = 0;        ///< that match, whatever offset and limit
};

/// All that there is to say of one agent.
struct AgentDetail {
  AgentView agent;
  AgentId parent;                     ///< who created it: an agent or a client
  std::int64_t created_unix_ns = 0;   ///< wall time
  std::uint32_t failures = 0;         ///< messages that its handlers have failed
  std::uint32_t restarts = 0;         ///< by its type's on_failure
  std::optional<std::string> reason;  ///< why it is suspended: code_name() of an Errc
  std::uint32_t state_version = 0;
  /// Its state and its counters are in the segment. Of one that is not durable, which has them in
  /// its worker's memory, handled, failures, restarts and state_bytes are 0.
  bool is_durable = true;
  std::uint32_t state_bytes = 0;                ///< of this agent now
  std::optional<std::vector<std::byte>> state;  ///< nothing if it changed all the time
  std::vector<std::string> subscriptions;       ///< patterns
  std::string metadata;                         ///< AgentOptions::metadata; empty: none
};

/// An agent type that workers know.
struct TypeView {
  struct Action {
    std::string name;
    std::string description;
  };

  std::string name;
  std::uint32_t state_version = 0;
  std::uint32_t state_bytes = 0;  ///< 0: it keeps nothing; of a serialized one: max_state_bytes
  bool is_serialized = false;     ///< its state is as long as its serialize() makes it
  bool is_durable = true;         ///< its state outlives its worker
  bool can_describe = false;      ///< Client::describe() tells its state
  std::string module;             ///< path of the shared object; empty: built in
  std::uint64_t agents = 0;       ///< that live
  std::vector<Action> actions;
};

struct StatsView {
  struct {
    std::uint64_t sent = 0, delivered = 0, redelivered = 0, refused = 0, expired = 0,
                  dead_lettered = 0;
  } messages;

  struct {
    std::uint64_t published = 0, delivered = 0, missed = 0;
  } events;

  struct {
    std::uint64_t live = 0, created = 0, stopped = 0;
  } agents;

  struct {
    std::uint64_t p50 = 0, p99 = 0, p999 = 0, max = 0;
  } latency_ns;  ///< from the send to the commit

  struct Bucket {
    std::uint64_t lowest_ns = 0, highest_ns = 0;  ///< both may be of it
    std::uint64_t count = 0;
  };

  std::vector<Bucket> latencies;  ///< those that have a count, ascending
};

struct HealthView {
  enum class Status : std::uint8_t { healthy, degraded, down };

  struct Component {
    std::string name;
    Status status = Status::healthy;
    std::string detail;
  };

  Status status = Status::healthy;
  bool is_live = false;   ///< it has a supervisor at work, which does what can be done for the rest
  bool is_ready = false;  ///< it runs, and a worker serves: calls are answered
  std::string readiness{};  ///< why it is ready, or is not
  std::vector<Component> components;
};

MABEAM_API std::string_view to_string(HealthView::Status status);

/// One thing that verify() found wrong.
struct Damage {
  std::string where;  ///< "shard 2, agent slot 17"
  std::string what;   ///< "name length 201 is over 63"
};

struct VerifyView {
  std::vector<Damage> damage;  ///< at most 100 are kept
  std::uint64_t damage_total = 0;
  std::uint64_t checked_bytes = 0;
  std::uint64_t agents = 0;
  std::uint64_t records = 0;  ///< ring and log records walked
};

class MABEAM_API Observer {
 public:
  /// Errors: not_found, bad_permissions, incompatible, byte_order, truncated, corrupt,
  /// invalid_argument (the name).
  static Result<Observer> attach(std::string_view runtime);
  /// The same views over a copy of a segment. Errors: as attach(), and system.
  static Result<Observer> open_file(const std::string& path);

  /// What is behind this handle; opaque to users.
  struct Impl;
  explicit Observer(std::unique_ptr<Impl> impl);
  Observer(Observer&&) noexcept;
  Observer& operator=(Observer&&) noexcept;
  ~Observer();

  [[nodiscard]] RuntimeView runtime() const;
  [[nodiscard]] AgentList agents(const AgentFilter& filter = {}) const;
  /// Errors: not_found.
  [[nodiscard]] Result<AgentView> agent(AgentId id) const;
  /// The agent of that name, or of that id in 16 hexadecimal digits. Errors: not_found.
  [[nodiscard]] Result<AgentId> find(std::string_view name) const;
  /// Errors: not_found.
  [[nodiscard]] Result<AgentDetail> inspect(AgentId id) const;
  /// By name.
  [[nodiscard]] std::vector<TypeView> types() const;
  [[nodiscard]] DeadLetterList dead_letters(const DeadLetterFilter& filter = {}) const;
  [[nodiscard]] StatsView stats() const;
  /// How well the runtime is, part by part. With what it was `before`, a part that was over a
  /// threshold is so until it is well under it: 80% where it was 90%.
  [[nodiscard]] HealthView health(const HealthView& before = {}) const;
  [[nodiscard]] LimitsView limits() const;
  /// Walks every structure of the segment. On a live runtime a finding is looked at again before it
  /// counts, since a turn may have been half applied.
  [[nodiscard]] VerifyView verify() const;

  /// Past events. What was emitted later than the call is not in it, so that no event is there
  /// without those that it came of, as far as they are kept.
  /// Errors: bad_topic (the pattern), invalid_argument (a log that does not exist).
  [[nodiscard]] Result<HistoryView> history(const HistoryQuery& query = {}) const;
  /// Topics that match a pattern, and all patterns that somebody is subscribed to.
  /// Errors: bad_topic.
  [[nodiscard]] Result<TopicsView> topics(std::string_view pattern = ">") const;
  /// Rings and logs that have or had traffic.
  [[nodiscard]] ChannelsView channels() const;

  /// Traces of which spans are kept, the latest first; `limit` of them, 0 is all.
  [[nodiscard]] TraceList traces(std::size_t limit = 0) const;
  /// The spans of a trace, or of all traces: those that are kept and were left by messages that are
  /// over.
  [[nodiscard]] SpanList spans(const TraceId& trace = {}) const;

  /// What the flight recorder holds.
  [[nodiscard]] FactList facts() const;
  /// What everybody was at when last heard, and what has happened before.
  [[nodiscard]] PostMortem post_mortem(PostMortemOptions options = {}) const;

  /// Starts reading every log at its end, or `since` ago as far as history reaches.
  void start_tail(std::chrono::nanoseconds since);
  /// Hands out what has been emitted since the last call and matches `pattern`. Returns how many.
  /// Errors: bad_topic, not_running (the runtime is gone).
  Result<std::size_t> tail(std::string_view pattern,
                           const std::function<void(const HistoryEvent&)>& handler);
  /// Events that were overwritten before tail() could read them.
  [[nodiscard]] std::uint64_t tail_missed() const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mabeam

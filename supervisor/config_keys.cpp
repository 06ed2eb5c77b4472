#include "supervisor/config_keys.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace mabeam::supervisor {
namespace {

using Kind = ValueKind;

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;
constexpr std::int64_t kPiB = kMiB * kGiB;
constexpr std::int64_t kUs = 1000;
constexpr std::int64_t kMs = 1000 * kUs;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

constexpr Range kRingBytes{.min = 4 * kKiB, .max = 256 * kMiB, .power_of_two = true};
constexpr Range kAnyWait{.min = 0, .max = kDay};
constexpr Range kTimeout{.min = kMs, .max = kDay, .zero = "off"};
constexpr Range kPeriod{.min = kMs, .max = kDay};
constexpr Range kMemory{.min = kMiB, .max = kPiB, .zero = "none"};
constexpr Range kPerSecond{.min = 0, .max = 1'000'000'000};

constexpr std::array<std::string_view, 3> kIdle{"busy_spin", "backoff", "block"};
constexpr std::array<std::string_view, 2> kLimitsBy{"auto", "rlimit"};
constexpr std::array<std::string_view, 2> kOnStop{"remove", "keep"};
constexpr std::array<std::string_view, 2> kSlowConsumer{"warn", "restart"};
constexpr std::array<std::string_view, 3> kPolicy{"permanent", "transient", "temporary"};
constexpr std::array<std::string_view, 3> kStrategy{"one_for_one", "one_for_all", "rest_for_one"};
constexpr std::array<std::string_view, 5> kLevel{"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> kFormat{"auto", "text", "json", "journald"};

/// The field at config.*Section.*Member.
template <auto Section, auto Member>
constexpr auto field() {
  using T = std::remove_cvref_t<decltype(std::declval<Config&>().*Section.*Member)>;
  return Field<T>{
      .get = [](const Config& config) -> const T& { return config.*Section.*Member; },
      .edit = [](Config& config) -> T& { return config.*Section.*Member; },
  };
}

using Rule = ValueRule;

constexpr Rule integer(std::int64_t min, std::int64_t max) {
  return {.kind = Kind::integer, .range = {.min = min, .max = max}};
}

constexpr Rule size(Range range) {
  return {.kind = Kind::size, .range = range};
}

constexpr Rule time(Range range) {
  return {.kind = Kind::time, .range = range};
}

constexpr Rule choice(std::span<const std::string_view> words) {
  return {.kind = Kind::choice, .choices = words};
}

constexpr std::array kKeys{
    KeyInfo{"runtime", "name", Rule{Kind::name}, "\"default\"", Reload::restart,
            field<&Config::runtime, &RuntimeConfig::name>(),
            "The runtime's name; its segment is /dev/shm/mabeam-<name>"},
    KeyInfo{"runtime", "workers", integer(1, 128), "one for each core", Reload::now,
            field<&Config::runtime, &RuntimeConfig::workers>(), "Worker processes"},
    KeyInfo{"runtime", "shards", integer(1, 192), "2 for each worker, 4 to 192", Reload::restart,
            field<&Config::runtime, &RuntimeConfig::shards>(),
            "Places where agents live; they move between workers"},
    KeyInfo{"runtime", "clients", integer(1, 63), "8", Reload::restart,
            field<&Config::runtime, &RuntimeConfig::clients>(),
            "Programs that may be attached as clients at a time"},
    KeyInfo{"runtime", "max_agents", integer(1, 16'777'216), "16384", Reload::restart,
            field<&Config::runtime, &RuntimeConfig::max_agents>(),
            "Agents that may live at a time, in the whole runtime"},
    KeyInfo{"runtime", "max_state_bytes", size({.min = 0, .max = kMiB}), "256", Reload::restart,
            field<&Config::runtime, &RuntimeConfig::max_state_bytes>(),
            "The largest state that an agent may keep"},
    KeyInfo{"runtime", "group_read", Rule{Kind::boolean}, "false", Reload::now,
            field<&Config::runtime, &RuntimeConfig::group_read>(),
            "Lets the segment's group observe the runtime: mode 0640, else 0600"},
    KeyInfo{"runtime", "fault_agents", Rule{Kind::boolean}, "false", Reload::now,
            field<&Config::runtime, &RuntimeConfig::fault_agents>(),
            "Offers the agent type `fault`, which breaks things on request"},
    KeyInfo{"runtime", "on_stop", choice(kOnStop), "\"remove\"", Reload::now,
            field<&Config::runtime, &RuntimeConfig::on_stop>(),
            "What becomes of the segment, agents and all, at an orderly stop"},
    KeyInfo{"runtime", "orphan_grace", time(kAnyWait), "\"10s\"", Reload::now,
            field<&Config::runtime, &RuntimeConfig::orphan_grace>(),
            "How long workers go on without a supervisor before they drain and exit"},
    KeyInfo{"runtime", "idle", choice(kIdle), "\"backoff\"", Reload::now,
            field<&Config::runtime, &RuntimeConfig::idle>(),
            "What a worker without work does; busy_spin needs a core for each worker"},
    KeyInfo{"channels", "high_bytes", size(kRingBytes),
            "what a segment of 48MiB leaves, at most 16KiB", Reload::restart,
            field<&Config::channels, &ChannelsConfig::high_bytes>(),
            "The high priority ring between two endpoints"},
    KeyInfo{"channels", "normal_bytes", size(kRingBytes),
            "what a segment of 48MiB leaves, at most 64KiB", Reload::restart,
            field<&Config::channels, &ChannelsConfig::normal_bytes>(),
            "The normal priority ring between two endpoints"},
    KeyInfo{"channels", "low_bytes", size(kRingBytes),
            "what a segment of 48MiB leaves, at most 16KiB", Reload::restart,
            field<&Config::channels, &ChannelsConfig::low_bytes>(),
            "The low priority ring between two endpoints"},
    KeyInfo{"channels", "block_bytes", size({.min = 4 * kKiB, .max = kGiB, .power_of_two = true}),
            "what a segment of 48MiB leaves, 64KiB to 1MiB", Reload::restart,
            field<&Config::channels, &ChannelsConfig::block_bytes>(),
            "Each endpoint's room for payloads over a quarter of a ring or log"},
    KeyInfo{"events", "log_bytes", size({.min = 64 * kKiB, .max = 4 * kGiB, .power_of_two = true}),
            "\"256KiB\"", Reload::restart, field<&Config::events, &EventsConfig::log_bytes>(),
            "Each endpoint's event log, which is also its history"},
    KeyInfo{"trace", "sample", Rule{Kind::fraction}, "0", Reload::now,
            field<&Config::trace, &TraceConfig::sample>(),
            "Which share of messages from clients, and of timers, begins a trace"},
    KeyInfo{"trace", "ring_bytes", size({.min = 4 * kKiB, .max = 64 * kMiB, .power_of_two = true}),
            "what a segment of 48MiB leaves, at most 32KiB", Reload::restart,
            field<&Config::trace, &TraceConfig::ring_bytes>(),
            "Each shard's and client's newest spans, 128 bytes each"},
    KeyInfo{"worker", "executable", Rule{Kind::path}, "\"\"", Reload::rolling,
            field<&Config::worker, &WorkerConfig::executable>(),
            "The worker program; \"\" is mabeam-worker beside the supervisor, else in "
            "../libexec/mabeam"},
    KeyInfo{"worker", "modules", Rule{Kind::paths}, "[]", Reload::rolling,
            field<&Config::worker, &WorkerConfig::modules>(),
            "Shared objects with agent types, loaded by every worker"},
    KeyInfo{"worker", "cpus", Rule{Kind::cpus}, "\"\"", Reload::rolling,
            field<&Config::worker, &WorkerConfig::cpus>(),
            R"(CPUs for the workers, such as "0-3,5"; "" is any)"},
    KeyInfo{"worker", "nice", integer(-20, 19), "0", Reload::rolling,
            field<&Config::worker, &WorkerConfig::nice>(),
            "The workers' scheduling priority; below 0 needs CAP_SYS_NICE"},
    KeyInfo{"worker", "ready_timeout", time(kTimeout), "\"10s\"", Reload::now,
            field<&Config::worker, &WorkerConfig::ready_timeout>(),
            "A worker that is not ready by then is killed and counts as failed"},
    KeyInfo{"worker", "shutdown_timeout", time(kTimeout), "\"5s\"", Reload::now,
            field<&Config::worker, &WorkerConfig::shutdown_timeout>(),
            "A worker that was asked to stop and has not by then is killed"},
    KeyInfo{"worker", "heartbeat_timeout", time({.min = 10 * kMs, .max = kDay, .zero = "off"}),
            "\"10s\"", Reload::now, field<&Config::worker, &WorkerConfig::heartbeat_timeout>(),
            "A worker whose loop has not turned for so long is killed"},
    KeyInfo{"worker", "max_attempts", integer(1, 100), "3", Reload::now,
            field<&Config::worker, &WorkerConfig::max_attempts>(),
            "A message that killed its worker so often becomes a dead letter"},
    KeyInfo{"worker", "stall_timeout", time({.min = kMs, .max = kHour}), "\"1s\"", Reload::now,
            field<&Config::worker, &WorkerConfig::stall_timeout>(),
            "How long a message waits for room in a full ring before it is a dead letter"},
    KeyInfo{"worker", "slow_consumer", choice(kSlowConsumer), "\"warn\"", Reload::now,
            field<&Config::worker, &WorkerConfig::slow_consumer>(),
            "What is done about a worker that leaves a ring half full for 3 x stall_timeout"},
    KeyInfo{"worker", "turn_messages", integer(1, 1024), "64", Reload::now,
            field<&Config::worker, &WorkerConfig::turn_messages>(), "Messages in a turn, at most"},
    KeyInfo{"worker", "turn_time", time({.min = kUs, .max = kSecond}), "\"50us\"", Reload::now,
            field<&Config::worker, &WorkerConfig::turn_time>(),
            "Work in a turn, at most, but for the message that passes it"},
    KeyInfo{"worker", "rebalance", time({.min = 100 * kMs, .max = kDay, .zero = "off"}), "\"0s\"",
            Reload::now, field<&Config::worker, &WorkerConfig::rebalance>(),
            "How often a shard may move off a worker that is far busier than another"},
    KeyInfo{"restart", "policy", choice(kPolicy), "\"permanent\"", Reload::now,
            field<&Config::restart, &RestartConfig::policy>(),
            "Whether a worker that ended is restarted: always, after a failure, never"},
    KeyInfo{"restart", "strategy", choice(kStrategy), "\"one_for_one\"", Reload::now,
            field<&Config::restart, &RestartConfig::strategy>(),
            "Which workers are restarted with one that failed"},
    KeyInfo{"restart", "intensity", integer(0, 10'000), "10", Reload::now,
            field<&Config::restart, &RestartConfig::intensity>(),
            "Restarts within `period` above which the supervisor gives up"},
    KeyInfo{"restart", "period", time(kPeriod), "\"60s\"", Reload::now,
            field<&Config::restart, &RestartConfig::period>(),
            "The time in which `intensity` restarts are allowed"},
    KeyInfo{"restart", "backoff_min", time(kAnyWait), "\"50ms\"", Reload::now,
            field<&Config::restart, &RestartConfig::backoff_min>(),
            "The wait before a second restart in a row; \"0s\" is none"},
    KeyInfo{"restart", "backoff_max", time(kAnyWait), "\"30s\"", Reload::now,
            field<&Config::restart, &RestartConfig::backoff_max>(), "The wait doubles up to this"},
    KeyInfo{"breaker", "failure_threshold", integer(1, 65'535), "5", Reload::now,
            field<&Config::breaker, &BreakerConfig::failure_threshold>(),
            "Failures within `window` that open a circuit breaker"},
    KeyInfo{"breaker", "window", time(kPeriod), "\"60s\"", Reload::now,
            field<&Config::breaker, &BreakerConfig::window>(), "How long a failure counts"},
    KeyInfo{"breaker", "recovery_timeout", time(kPeriod), "\"30s\"", Reload::now,
            field<&Config::breaker, &BreakerConfig::recovery_timeout>(),
            "How long a breaker stays open before a trial"},
    KeyInfo{"breaker", "half_open_max_calls", integer(1, 65'535), "10", Reload::now,
            field<&Config::breaker, &BreakerConfig::half_open_max_calls>(),
            "Calls of a trial, whose success closes the breaker"},
    KeyInfo{"limits", "worker_memory", size(kMemory), "\"0\"", Reload::now,
            field<&Config::limits, &LimitsConfig::worker_memory>(),
            "Memory above which a worker is killed; \"0\" is none"},
    KeyInfo{"limits", "worker_memory_soft", Rule{Kind::size_or_percent, kMemory}, "\"85%\"",
            Reload::now, field<&Config::limits, &LimitsConfig::worker_memory_soft>(),
            "Memory above which a worker takes no new agents; a percentage is of worker_memory"},
    KeyInfo{"limits", "runtime_memory", size(kMemory), "\"0\"", Reload::now,
            field<&Config::limits, &LimitsConfig::runtime_memory>(),
            "Memory of all workers together; \"0\" is none"},
    KeyInfo{"limits", "worker_processes", integer(1, 4'194'304), "64", Reload::now,
            field<&Config::limits, &LimitsConfig::worker_processes>(),
            "Processes and threads of a worker"},
    KeyInfo{"limits", "open_files", integer(64, 1'048'576), "1024", Reload::now,
            field<&Config::limits, &LimitsConfig::open_files>(), "Open files of a worker"},
    KeyInfo{
        "limits", "mechanism", choice(kLimitsBy), "\"auto\"", Reload::restart,
        field<&Config::limits, &LimitsConfig::mechanism>(),
        "What keeps memory and processes: control groups, if there are any, or resource limits"},
    KeyInfo{"limits", "core_bytes", size({.min = 0, .max = kPiB}), "as the supervisor's",
            Reload::now, field<&Config::limits, &LimitsConfig::core_bytes>(),
            "The largest core file of a worker; \"0\" is none at all"},
    KeyInfo{"limits", "cleanup_interval", time(kPeriod), "\"30s\"", Reload::now,
            field<&Config::limits, &LimitsConfig::cleanup_interval>(),
            "How often what the dead have left is cleared away"},
    KeyInfo{"rates", "agent_creation", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::agent_creation>(),
            "Agents created per second; a rate of 0 is no limit"},
    KeyInfo{"rates", "action_execution", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::action_execution>(),
            "Actions called per second"},
    KeyInfo{"rates", "event_emission", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::event_emission>(),
            "Events emitted per second"},
    KeyInfo{"rates", "client_agent_creation", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::client_agent_creation>(),
            "Agents that each client creates per second"},
    KeyInfo{"rates", "client_action_execution", Rule{Kind::rate, kPerSecond},
            "{rate = 0, burst = 0}", Reload::now,
            field<&Config::rates, &RatesConfig::client_action_execution>(),
            "Actions that each client calls per second"},
    KeyInfo{"rates", "client_event_emission", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::client_event_emission>(),
            "Events that each client emits per second"},
    KeyInfo{"rates", "type_agent_creation", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::type_agent_creation>(),
            "Agents of each type created per second"},
    KeyInfo{"rates", "type_action_execution", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::type_action_execution>(),
            "Actions called per second of all agents of a type"},
    KeyInfo{"rates", "type_event_emission", Rule{Kind::rate, kPerSecond}, "{rate = 0, burst = 0}",
            Reload::now, field<&Config::rates, &RatesConfig::type_event_emission>(),
            "Events emitted per second by all agents of a type"},
    KeyInfo{"log", "level", choice(kLevel), "\"info\"", Reload::now,
            field<&Config::log, &LogConfig::level>(),
            "What is logged: this and all that is graver"},
    KeyInfo{"log", "format", choice(kFormat), "\"auto\"", Reload::now,
            field<&Config::log, &LogConfig::format>(),
            "How it is logged; auto is text on a terminal, journald under systemd, else JSON"},
    KeyInfo{"serve", "listen", Rule{Kind::address}, "\"127.0.0.1:9464\"", Reload::none,
            field<&Config::serve, &ServeConfig::listen>(),
            "Where `mabeam serve` listens; its flag --listen wins"},
};

/// True when the kind of a row's value is one that its field can hold.
constexpr bool has_fitting_target(const KeyInfo& key) {
  const auto holds = [&]<class... T>() {
    return (std::holds_alternative<Field<T>>(key.target) || ...);
  };
  using Count = std::optional<std::uint32_t>;
  using Bytes = std::optional<std::uint64_t>;
  switch (key.rule.kind) {
    case Kind::boolean:
      return holds.operator()<bool>();
    case Kind::integer:
      return holds.operator()<std::int32_t, std::uint32_t, Count>();
    case Kind::size:
      return holds.operator()<std::uint32_t, std::uint64_t, Bytes>();
    case Kind::time:
      return holds.operator()<std::chrono::nanoseconds>();
    case Kind::choice:
      return !key.rule.choices.empty();
    case Kind::paths:
      return holds.operator()<std::vector<std::string>>();
    case Kind::cpus:
      return holds.operator()<std::vector<std::uint32_t>>();
    case Kind::rate:
      return holds.operator()<Rate>();
    case Kind::size_or_percent:
      return holds.operator()<SizeOrPercent>();
    case Kind::fraction:
      return holds.operator()<double>();
    default:
      return holds.operator()<std::string>();
  }
}

static_assert(std::all_of(kKeys.begin(), kKeys.end(), has_fitting_target));

}  // namespace

std::span<const KeyInfo> describe_config() noexcept {
  return kKeys;
}

}  // namespace mabeam::supervisor

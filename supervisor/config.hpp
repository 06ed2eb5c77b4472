// Config: all that can be set about one runtime, checked, in the types the code uses.
//
//   auto config = load_config("mabeam.toml", {.overrides = {{"--name", "runtime.name", "prod"}}});
//   if (!config) for (const std::string& message : config.error().messages) print(message);
//
// A value comes from the first of: a flag, the environment variable MABEAM_<SECTION>_<KEY>, the
// file, the default written here. What can be set, its range and what a change takes to come into
// force are rows of one table: config_keys.hpp.
//
// Nothing is accepted that is not understood: an unknown key, a value of another type or out of its
// range, and settings that contradict each other are all reported, in one go, each with its place:
//
//   mabeam.toml:3:11: runtime.workers = 500: allowed is 1 to 128
//   mabeam.toml:9:1: unknown key runtime.worker; did you mean runtime.workers?
//   MABEAM_LOG_LEVEL: log.level = "loud": allowed is "trace", "debug", "info", "warn" or "error"
#pragma once

#include "supervisor/config_values.hpp"

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::supervisor {

/// What a worker without work does: burn its core, spin then yield then sleep, or sleep at once.
enum class IdleStrategy : std::uint8_t { busy_spin, backoff, block };

/// What becomes of the segment at an orderly stop.
enum class OnStop : std::uint8_t { remove, keep };

/// What is done about a worker that does not take what is sent to its shards.
enum class SlowConsumer : std::uint8_t { warn, restart };

/// OTP's words. Whether a worker is restarted always, after a failure only, or never.
enum class RestartPolicy : std::uint8_t { permanent, transient, temporary };

/// OTP's words. Which workers are restarted with one that died.
enum class RestartStrategy : std::uint8_t { one_for_one, one_for_all, rest_for_one };

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };
enum class LogFormat : std::uint8_t { automatic, text, json, journald };

/// By what limits are kept: control groups where they can be had, or resource limits at once.
enum class LimitsBy : std::uint8_t { automatic, rlimit };

struct RuntimeConfig {
  std::string name = "default";
  std::optional<std::uint32_t> workers;  ///< unset: see Config::worker_count()
  std::optional<std::uint32_t> shards;   ///< unset: see Config::shard_count()
  std::uint32_t clients = 8;
  std::uint32_t max_agents = 16384;
  std::uint32_t max_state_bytes = 256;
  bool group_read = false;
  bool fault_agents = false;
  OnStop on_stop = OnStop::remove;
  std::chrono::nanoseconds orphan_grace = std::chrono::seconds{10};
  IdleStrategy idle = IdleStrategy::backoff;
};

/// Bytes of each priority's ring, and of blocks. Unset ones are what the segment's budget leaves
/// (shm decides).
struct ChannelsConfig {
  std::optional<std::uint64_t> high_bytes;
  std::optional<std::uint64_t> normal_bytes;
  std::optional<std::uint64_t> low_bytes;
  std::optional<std::uint64_t>
      block_bytes;  ///< of each endpoint, for payloads too large for a ring
};

struct EventsConfig {
  std::uint64_t log_bytes = 262'144;
};

struct TraceConfig {
  double sample = 0;  ///< 0 to 1: of messages that are in no trace, those that begin one
  std::optional<std::uint64_t> ring_bytes;  ///< unset: what the segment's budget leaves
};

struct WorkerConfig {
  std::string executable;  ///< empty: mabeam-worker, beside the supervisor or in ../libexec/mabeam
  std::vector<std::string> modules;
  std::vector<std::uint32_t> cpus;  ///< ascending; empty: wherever the kernel likes
  std::int32_t nice = 0;
  std::chrono::nanoseconds ready_timeout = std::chrono::seconds{10};    ///< 0: waits for ever
  std::chrono::nanoseconds shutdown_timeout = std::chrono::seconds{5};  ///< 0: waits for ever
  std::chrono::nanoseconds heartbeat_timeout =
      std::chrono::seconds{10};  ///< 0: hangs are not looked for
  std::uint32_t max_attempts = 3;
  std::chrono::nanoseconds stall_timeout = std::chrono::seconds{1};
  SlowConsumer slow_consumer = SlowConsumer::warn;
  std::uint32_t turn_messages = 64;
  std::chrono::nanoseconds turn_time = std::chrono::microseconds{50};
  std::chrono::nanoseconds rebalance{0};  ///< between two looks; 0: off
};

struct RestartConfig {
  RestartPolicy policy = RestartPolicy::permanent;
  RestartStrategy strategy = RestartStrategy::one_for_one;
  std::uint32_t intensity = 10;
  std::chrono::nanoseconds period = std::chrono::seconds{60};
  std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{50};  ///< 0: restarts at once
  std::chrono::nanoseconds backoff_max = std::chrono::seconds{30};
};

struct BreakerConfig {
  std::uint32_t failure_threshold = 5;
  std::chrono::nanoseconds window = std::chrono::seconds{60};
  std::chrono::nanoseconds recovery_timeout = std::chrono::seconds{30};
  std::uint32_t half_open_max_calls = 10;
};

struct LimitsConfig {
  std::uint64_t worker_memory = 0;  ///< bytes; 0: no limit
  SizeOrPercent worker_memory_soft{.percent = 85};
  std::uint64_t runtime_memory = 0;  ///< bytes; 0: no limit
  std::uint32_t worker_processes = 64;
  std::uint32_t open_files = 1024;
  std::chrono::nanoseconds cleanup_interval = std::chrono::seconds{30};
  LimitsBy mechanism = LimitsBy::automatic;
  std::optional<std::uint64_t> core_bytes;  ///< unset: as the supervisor's
};

/// How many a second, and how many at once above that. A rate of 0 is no limit.
struct Rate {
  std::uint32_t rate = 0;
  std::uint32_t burst = 0;
  bool is_shadow = false;  ///< what is too much is counted, and not refused

  friend bool operator==(const Rate&, const Rate&) = default;
};

struct RatesConfig {
  Rate agent_creation;  ///< of the whole runtime
  Rate action_execution;
  Rate event_emission;
  Rate client_agent_creation;  ///< of each client
  Rate client_action_execution;
  Rate client_event_emission;
  Rate type_agent_creation;  ///< of each agent type
  Rate type_action_execution;
  Rate type_event_emission;
};

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;
};

struct ServeConfig {
  std::string listen = "127.0.0.1:9464";
};

struct Config {
  RuntimeConfig runtime;
  ChannelsConfig channels;
  EventsConfig events;
  TraceConfig trace;
  WorkerConfig worker;
  RestartConfig restart;
  BreakerConfig breaker;
  LimitsConfig limits;
  RatesConfig rates;
  LogConfig log;
  ServeConfig serve;

  std::uint32_t cores = 1;  ///< CPUs that this process may run on; not a setting

  /// runtime.workers, else one for each core, 1 to 128.
  [[nodiscard]] std::uint32_t worker_count() const noexcept;

  /// runtime.shards, else two for each worker, 4 to 192.
  [[nodiscard]] std::uint32_t shard_count() const noexcept;

  /// limits.worker_memory_soft in bytes; 0: no limit.
  [[nodiscard]] std::uint64_t worker_memory_soft_bytes() const noexcept;
};

/// All that is wrong with a configuration, one line each, in the order of the file.
struct ConfigError {
  std::vector<std::string> messages;
};

/// A command-line flag that sets a key; `flag` names it in messages.
struct Override {
  std::string flag;   ///< "--name"
  std::string key;    ///< "runtime.name"
  std::string value;  ///< as in the environment: strings without quotes
};

/// Where values come from besides the file. What is left out is this process's own.
struct ConfigSources {
  std::vector<Override> overrides = {};
  std::function<const char*(const char*)> environment = {};  ///< shaped like std::getenv
  std::uint32_t cores = 0;                                   ///< 0: asks sched_getaffinity
};

/// The largest configuration file that is read.
inline constexpr std::size_t kConfigBytesMax = 1 << 20;

/// Reads the file at `path` (none when it is empty). Never waits: a pipe is refused.
[[nodiscard]] tl::expected<Config, ConfigError> load_config(const std::string& path,
                                                            const ConfigSources& sources = {});

/// As load_config, from TOML in memory; `file` names it in messages.
[[nodiscard]] tl::expected<Config, ConfigError> parse_config(std::string_view text,
                                                             const std::string& file,
                                                             const ConfigSources& sources = {});

}  // namespace mabeam::supervisor

// The table of configuration keys: everything that can be set, one row each, and nowhere else.
//
// The parser, the checks, the messages, the tests and the printed help are all driven by it. A new
// key is a member of its section's struct in config.hpp and a row in config_keys.cpp.
#pragma once

#include "supervisor/config.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mabeam::supervisor {

/// Modules that a worker loads, at most.
inline constexpr std::size_t kModulesMax = 64;

/// How a value is written.
enum class ValueKind : std::uint8_t {
  boolean,          ///< true
  integer,          ///< 4
  size,             ///< "256MiB", or bytes as an integer
  time,             ///< "250ms"
  choice,           ///< one of ValueRule::choices
  name,             ///< a runtime's name
  path,             ///< a file's name, or "" for the default one
  paths,            ///< an array of them
  cpus,             ///< "0-3,5", or ""
  address,          ///< "127.0.0.1:9464", "unix:/run/mabeam.sock"
  rate,             ///< {rate = 100, burst = 10}
  size_or_percent,  ///< "256MiB" or "85%"
  fraction,         ///< 0.01; a number from 0 to 1
};

/// What a change of the value takes.
enum class Reload : std::uint8_t {
  now,      ///< a reload
  rolling,  ///< a reload, which restarts the workers one by one
  restart,  ///< a restart of the runtime, whose segment or processes are laid out by it
  none,     ///< nothing: it is read by other programs, each at its start
};

/// The values allowed, ends included: numbers, bytes or nanoseconds.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view zero = {};  ///< what 0 means where it is allowed besides min to max: "off"
  bool power_of_two = false;
};

/// What may be written for a value.
struct ValueRule {
  ValueKind kind;
  Range range = {};                                ///< of integers, sizes, times and rates
  std::span<const std::string_view> choices = {};  ///< in the order of the field's enum
};

/// Where in a Config a value of type T lives.
template <class T>
struct Field {
  const T& (*get)(const Config&);
  T& (*edit)(Config&);
};

using Target =
    std::variant<Field<bool>, Field<double>, Field<std::uint32_t>,
                 Field<std::optional<std::uint32_t>>, Field<std::int32_t>, Field<std::uint64_t>,
                 Field<std::optional<std::uint64_t>>, Field<std::chrono::nanoseconds>,
                 Field<std::string>, Field<std::vector<std::string>>,
                 Field<std::vector<std::uint32_t>>, Field<Rate>, Field<SizeOrPercent>,
                 Field<IdleStrategy>, Field<OnStop>, Field<LimitsBy>, Field<SlowConsumer>,
                 Field<RestartPolicy>, Field<RestartStrategy>, Field<LogLevel>, Field<LogFormat>>;

/// One row.
struct KeyInfo {
  std::string_view section;
  std::string_view key;
  ValueRule rule;
  std::string_view default_text;  ///< TOML; words when it is computed
  Reload reload;
  Target target;
  std::string_view help;  ///< one line

  /// "runtime.workers"
  [[nodiscard]] std::string full_name() const;

  /// "MABEAM_RUNTIME_WORKERS"
  [[nodiscard]] std::string environment_name() const;

  /// True when nothing is stored unless somebody sets it: default_text is words then.
  [[nodiscard]] bool is_computed() const noexcept;
};

/// All rows, in the order in which people should read them.
std::span<const KeyInfo> describe_config() noexcept;

/// The row of a key; null when there is none.
const KeyInfo* find_key(std::string_view section, std::string_view key) noexcept;

/// What may be written for a key, for people: `"4KiB" to "256MiB", a power of two`.
std::string allowed_text(const KeyInfo& key);

/// The value that `config` holds for a key, as TOML; the words of default_text when it holds none.
std::string value_text(const KeyInfo& key, const Config& config);

/// True when both hold the same value for a key: what a reload has to ask.
bool is_same_value(const KeyInfo& key, const Config& one, const Config& other);

/// "now", "rolling", "restart" or "none".
std::string_view reload_text(Reload reload) noexcept;

}  // namespace mabeam::supervisor

// Log: what the supervisor tells on standard error. One line a fact: a sentence and its fields.
//
//   log.info("worker ready", {{"worker", 2}, {"pid", pid}, {"ms", 3.1}});
//
//   text      12:30:01.250 info   worker ready  worker=2 pid=4711 ms=3.1
//   json      {"time":"2024-05-01T10:30:01.250Z","level":"info","runtime":"prod",
//              "message":"worker ready","worker":2,"pid":4711,"ms":3.1}      (one line)
//   journald  <6>worker ready worker=2 pid=4711 ms=3.1
//
// The format `auto` is text on a terminal, journald where standard error is the journal's socket,
// else json. spdlog filters, stamps and formats; no thread is started, and no line is waited for
// (log_stream.hpp).
#pragma once

#include "supervisor/config.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace spdlog {
class logger;
}

namespace mabeam::supervisor {

/// One fact of a line.
struct LogField {
  using Value = std::variant<std::int64_t, std::uint64_t, double, std::string>;

  template <std::signed_integral T>
  LogField(std::string_view name, T number) : key(name),
                                              value(std::int64_t{number}) {}

  template <std::unsigned_integral T>
  LogField(std::string_view name, T number) : key(name),
                                              value(std::uint64_t{number}) {}

  LogField(std::string_view name, double number) : key(name), value(number) {}

  template <std::convertible_to<std::string_view> T>
  LogField(std::string_view name, const T& text)
      : key(name),
        value(std::string{std::string_view{text}}) {}

  std::string_view key;
  Value value;
};

using LogFields = std::initializer_list<LogField>;

/// `text` as the inside of a JSON string: quotes, backslashes, control characters and bytes that
/// are not UTF-8 escaped.
std::string escape_json(std::string_view text);

/// The part of a line that its fields make, in a format that is not `automatic`.
std::string render_line(LogFormat format, std::string_view runtime, std::string_view message,
                        LogFields fields);

class Log {
 public:
  /// Writes to `fd`. `runtime` is named in json lines.
  Log(const LogConfig& config, std::string runtime, int fd = 2);
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;
  ~Log();

  void debug(std::string_view message, LogFields fields = {});
  void info(std::string_view message, LogFields fields = {});
  void warn(std::string_view message, LogFields fields = {});
  void error(std::string_view message, LogFields fields = {});

  /// Another level or format from now on.
  void configure(const LogConfig& config);

 private:
  void write(LogLevel level, std::string_view message, LogFields fields);

  struct Sink;
  std::string runtime_;
  LogFormat format_ = LogFormat::text;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace mabeam::supervisor

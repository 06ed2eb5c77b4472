// Log: what the supervisor tells on standard error. One line a fact: a sentence and its fields.
//
//   log.info("worker ready", {{"worker", 2}, {"pid", pid}, {"ms", 3.1}});
//
//   text      12:30:01.250 info   worker ready  worker=2 pid=4711 ms=3.1
//   json      {"time":"2024-05-01T10:30:01.250Z","level":"info","runtime":"prod",
//              "message":"worker ready","worker":2,"pid":4711,"ms":3.1}      (one line)
//   journald  <6>worker ready worker=2 pid=4711 ms=3.1
//             to the journal itself: the same, and each field as one of its own (journal.hpp)
//
// The format `auto` is text on a terminal, journald where standard error is the journal's socket,
// else json. spdlog filters, stamps and formats; no thread is started, and no line is waited for
// (log_stream.hpp).
//
// What is told here is a record of the flight recorder, too, of the same text and fields: both are
// written in one place. The recorder has what is below the log's level as well, down to debug. What
// is said too often of one worker or shard is counted instead (shm/repeats.hpp), in both:
//
//   12:30:11.250 warn   repeated: worker is silent  worker=2 times=41
#pragma once

#include "shm/flight_recorder.hpp"
#include "shm/log_field.hpp"
#include "shm/repeats.hpp"
#include "supervisor/config.hpp"
#include "supervisor/journal.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace mabeam::supervisor {

using shm::LogField;
using LogFields = std::initializer_list<LogField>;

/// The part of a line that its fields make, in a format that is not `automatic`.
std::string render_line(LogFormat format, std::string_view runtime, std::string_view message,
                        std::span<const LogField> fields);

class Log {
 public:
  /// Writes to `fd`. `runtime` is named in json lines. `journal`: the journal's socket, which is
  /// used where `fd` leads to the journal.
  Log(const LogConfig& config, std::string runtime, int fd = 2,
      const char* journal = kJournalSocket);
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;
  ~Log();

  void debug(std::string_view message, LogFields fields = {});
  void info(std::string_view message, LogFields fields = {});
  void warn(std::string_view message, LogFields fields = {});
  void error(std::string_view message, LogFields fields = {});

  /// From now on what is told is recorded, too.
  void record_in(shm::FlightRecorder recorder) { recorder_ = recorder; }

  /// A line that a worker has printed, and the agent whose handler did, or empty. It is in the log
  /// only: a handler's chatter must not push what happened out of the recorder.
  void relay(std::uint32_t worker, std::string_view agent, std::string_view line);

  /// What a worker has recorded: in the log only, since the recorder has it.
  void relay(const FactView& fact);

  /// Tells of what was said too often and is not any more.
  void tell_repeats();
  /// Tells of all that was said too often, before this program ends.
  void end_repeats();

  /// Another level or format from now on.
  void configure(const LogConfig& config);

 private:
  void tell(LogLevel level, std::string_view message, LogFields fields);
  void tell_repeat(const shm::Repeats::Due& due);
  void write(LogLevel level, std::string_view message, std::span<const LogField> fields);
  void tell_dropped();
  void print(LogLevel level, std::string_view message, std::span<const LogField> fields);

  struct Sink;
  std::string runtime_;
  LogFormat format_ = LogFormat::text;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<spdlog::logger> logger_;
  shm::FlightRecorder recorder_;
  shm::Repeats repeats_;
};

}  // namespace mabeam::supervisor

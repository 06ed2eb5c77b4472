#include "supervisor/log.hpp"

#include "supervisor/log_stream.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/stat.h>

namespace mabeam::supervisor {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// %* : the level as the journal counts it (syslog(3)), 3 an error to 7 for debugging.
class JournalLevel : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    char digit = '6';
    if (message.level >= spdlog::level::err) {
      digit = '3';
    } else if (message.level == spdlog::level::warn) {
      digit = '4';
    } else if (message.level <= spdlog::level::debug) {
      digit = '7';
    }
    out.push_back(digit);
  }

  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JournalLevel>();
  }
};

std::unique_ptr<spdlog::formatter> make_formatter(LogFormat format) {
  if (format == LogFormat::json) {
    return std::make_unique<spdlog::pattern_formatter>(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
  }
  if (format == LogFormat::journald) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<JournalLevel>('*').set_pattern("<%*>%v");
    return formatter;
  }
  return std::make_unique<spdlog::pattern_formatter>("%H:%M:%S.%e %-7l %v");
}

/// True where `fd` is the socket that systemd says leads to the journal.
bool is_journal(int fd) {
  struct stat status {};

  // NOLINTNEXTLINE(concurrency-mt-unsafe): the supervisor has one thread.
  const char* stream = std::getenv("JOURNAL_STREAM");
  if (stream == nullptr || ::fstat(fd, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

}  // namespace

struct Log::Sink : spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  explicit Sink(int fd) : stream(fd), is_journal_socket(is_journal(fd)) {}

  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    stream.write({line.data(), line.size()});
  }

  void flush_() override {}

  [[nodiscard]] LogFormat choose(LogFormat format) const {
    if (format != LogFormat::automatic) return format;
    if (stream.is_terminal()) return LogFormat::text;
    return is_journal_socket ? LogFormat::journald : LogFormat::json;
  }

  LogStream stream;
  bool is_journal_socket;
};

Log::Log(const LogConfig& config, std::string runtime, int fd)
    : runtime_(std::move(runtime)),
      sink_(std::make_shared<Sink>(fd)),
      logger_(std::make_unique<spdlog::logger>("mabeam", sink_)) {
  configure(config);
}

Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;
Log::~Log() = default;

void Log::configure(const LogConfig& config) {
  format_ = sink_->choose(config.format);
  sink_->set_formatter(make_formatter(format_));
  logger_->set_level(spdlog_level(config.level));
}

void Log::write(LogLevel level, std::string_view message, LogFields fields) {
  const auto severity = spdlog_level(level);
  if (!logger_->should_log(severity)) return;
  if (const std::uint64_t dropped = sink_->stream.take_dropped(); dropped != 0) {
    logger_->log(spdlog::level::warn,
                 render_line(format_, runtime_, "log lines were dropped", {{"lines", dropped}}));
  }
  logger_->log(severity, render_line(format_, runtime_, message, fields));
}

void Log::debug(std::string_view message, LogFields fields) {
  write(LogLevel::debug, message, fields);
}

void Log::info(std::string_view message, LogFields fields) {
  write(LogLevel::info, message, fields);
}

void Log::warn(std::string_view message, LogFields fields) {
  write(LogLevel::warn, message, fields);
}

void Log::error(std::string_view message, LogFields fields) {
  write(LogLevel::error, message, fields);
}

}  // namespace mabeam::supervisor

#include "supervisor/log.hpp"

#include "shm/clock.hpp"
#include "supervisor/journal.hpp"
#include "supervisor/log_stream.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

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

FactLevel fact_level(LogLevel level) {
  return static_cast<FactLevel>(level);
}

static_assert(static_cast<int>(LogLevel::error) == static_cast<int>(FactLevel::error) &&
              static_cast<int>(LogLevel::debug) == static_cast<int>(FactLevel::debug));

constexpr std::array<std::string_view, 4> kAbout{"worker", "shard", "endpoint", "consumer"};

/// Which of those a fact is about, as one number, whatever number the field has; 0: none.
std::uint64_t about(std::span<const LogField> fields) {
  for (const LogField& field : fields) {
    const auto* number = std::get_if<std::uint64_t>(&field.value);
    for (std::size_t i = 0; i < kAbout.size() && number != nullptr; ++i) {
      if (field.key == kAbout[i]) return (i + 1) << 32U | (*number & 0xFFFFFFFFU);
    }
  }
  return 0;
}

/// Of a field that is not ours: nothing escapes a key, and a line has some of its own.
bool is_key(std::string_view key) {
  constexpr std::array<std::string_view, 5> kOurs{"time", "level", "runtime", "message", "worker"};
  return !key.empty() && std::find(kOurs.begin(), kOurs.end(), key) == kOurs.end() &&
         std::all_of(key.begin(), key.end(),
                     [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

std::string_view name_of(std::uint64_t about) {
  return kAbout[(about >> 32U) - 1];
}

std::uint64_t number_of(std::uint64_t about) {
  return about & 0xFFFFFFFFU;
}

/// As the journal counts levels (syslog(3)): 3 is an error, 7 for debugging.
char journal_priority(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return '3';
  if (level == spdlog::level::warn) return '4';
  return level <= spdlog::level::debug ? '7' : '6';
}

/// %* : journal_priority().
class JournalLevel : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    out.push_back(journal_priority(message.level));
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
  Sink(int fd, const char* journal_path) : stream(fd), is_journal_socket(is_journal(fd)) {
    if (is_journal_socket) journal = Journal{journal_path};
  }

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

  /// True if the journal has taken the line with its fields.
  [[nodiscard]] bool tell_journal(spdlog::level::level_enum level, std::string_view runtime,
                                  std::string_view message,
                                  std::span<const LogField> fields) const {
    return journal &&
           journal.write(journal_entry(journal_priority(level), runtime, message, fields));
  }

  LogStream stream;
  bool is_journal_socket;
  Journal journal{nullptr};  ///< open where standard error is the journal's
};

Log::Log(const LogConfig& config, std::string runtime, int fd, const char* journal)
    : runtime_(std::move(runtime)),
      sink_(std::make_shared<Sink>(fd, journal)),
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

void Log::write(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  if (recorder_ && level >= LogLevel::debug) recorder_.write(fact_level(level), message, fields);
  print(level, message, fields);
}

void Log::relay(std::uint32_t worker, std::string_view agent, std::string_view line) {
  constexpr std::string_view kSays = "worker says";
  const LogField who{"worker", worker};
  const LogField what{"text", line};
  if (agent.empty()) {
    print(LogLevel::info, kSays, std::array{who, what});
  } else {
    print(LogLevel::info, kSays, std::array{who, LogField{"agent", agent}, what});
  }
}

// A worker that has gone wrong may have written anything.
void Log::relay(const FactView& fact) {
  std::vector<LogField> fields{{"worker", fact.worker().value_or(0)}};
  if (!repeats_.admit(fact.text, about(fields), shm::monotonic_ns())) return;
  for (const FactField& field : fact.fields) {
    if (is_key(field.key)) fields.emplace_back(field);
  }
  print(static_cast<LogLevel>(fact.level), fact.text, fields);
}

void Log::tell_dropped() {
  const std::uint64_t dropped = sink_->stream.dropped();
  if (dropped == 0 || !logger_->should_log(spdlog::level::warn)) return;
  logger_->log(spdlog::level::warn, render_line(format_, runtime_, "log lines were dropped",
                                                std::array{LogField{"lines", dropped}}));
  const bool was_dropped = sink_->stream.dropped() != dropped;  // which is no loss of its own
  sink_->stream.told(was_dropped ? 1 : dropped);
}

void Log::print(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  const auto severity = spdlog_level(level);
  if (!logger_->should_log(severity)) return;
  tell_dropped();
  if (format_ == LogFormat::journald && sink_->tell_journal(severity, runtime_, message, fields)) {
    return;
  }
  logger_->log(severity, render_line(format_, runtime_, message, fields));
}

void Log::tell(LogLevel level, std::string_view message, LogFields fields) {
  if (repeats_.admit(message, about({fields.begin(), fields.size()}), shm::monotonic_ns())) {
    write(level, message, {fields.begin(), fields.size()});
  }
}

void Log::tell_repeats() {
  while (const auto due = repeats_.take_due(shm::monotonic_ns()))
    tell_repeat(*due);
}

void Log::end_repeats() {
  while (const auto held = repeats_.take_held())
    tell_repeat(*held);
}

void Log::tell_repeat(const shm::Repeats::Due& due) {
  std::vector<LogField> fields{{"times", due.count}};
  if (due.about != 0) fields.insert(fields.begin(), {name_of(due.about), number_of(due.about)});
  write(LogLevel::warn, "repeated: " + due.text, fields);
}

void Log::debug(std::string_view message, LogFields fields) {
  tell(LogLevel::debug, message, fields);
}

void Log::info(std::string_view message, LogFields fields) {
  tell(LogLevel::info, message, fields);
}

void Log::warn(std::string_view message, LogFields fields) {
  tell(LogLevel::warn, message, fields);
}

void Log::error(std::string_view message, LogFields fields) {
  tell(LogLevel::error, message, fields);
}

}  // namespace mabeam::supervisor

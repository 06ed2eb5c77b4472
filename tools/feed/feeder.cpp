#include "tools/feed/feeder.hpp"

#include "tools/cli/encoding.hpp"
#include "tools/cli/stop_signal.hpp"

namespace mabeam::tools {

namespace {

constexpr std::string_view kBadRecord = "bad_record";

std::string at_line(std::uint64_t line) {
  return "line " + std::to_string(line) + ": ";
}

// An error that another record need not have. A table of names that is full is not one: nearly
// every record to come would have it.
bool is_of_the_record(Errc code) {
  return code == Errc::message_too_large || code == Errc::payload_too_large ||
         code == Errc::bad_topic || code == Errc::invalid_argument;
}

}  // namespace

std::optional<Failure> Feeder::feed(const Record& record) {
  if (!record.problem.empty()) {
    return Failure{.exit = Exit::refused,
                   .code = std::string(kBadRecord),
                   .message = at_line(record.line) + record.problem};
  }
  const std::string topic =
      topics_.topic([this](std::string_view field) { return reader_.field(field); });
  const Result<> emitted = emit_(topic, record.text);
  if (emitted) return std::nullopt;
  const Error error = emitted.error();
  const std::string doing = at_line(record.line) + "topic '" + one_line(topic) + "'";
  Failure failure = refuse(error, doing).value();
  if (is_of_the_record(error.code)) {
    failure.exit = Exit::refused;
    failure.code = kBadRecord;
  }
  return failure;
}

void Feeder::reject(const Failure& failure) {
  ++totals_.rejected;
  if (totals_.rejected <= kShownRejections) progress_.note(failure.message + " (skipped)");
  if (totals_.rejected == kShownRejections) {
    progress_.note("further records that are skipped are only counted");
  }
}

std::optional<Failure> Feeder::run(bool is_strict) {
  while (!stop_requested()) {
    const auto record = reader_.next();
    if (!record) break;
    auto failure = feed(*record);
    if (failure && failure->code != kBadRecord) {
      // A stop request ends the wait for room: that is no failure, the record was not taken.
      if (stop_requested()) break;
      return failure;
    }
    ++totals_.records;
    if (!failure) {
      ++totals_.accepted;
      totals_.bytes += record->text.size();
    } else if (is_strict) {
      ++totals_.rejected;
      return failure;
    } else {
      reject(*failure);
    }
    progress_.update(totals_.records, totals_.bytes);
  }
  return std::nullopt;
}

}  // namespace mabeam::tools

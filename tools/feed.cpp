// mabeam feed: a file or standard input as events, one per record.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/input.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/commands.hpp"
#include "tools/feed/feeder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <system_error>

namespace mabeam::tools {

namespace {

using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

// A wait is cut into these, so that a stop request is seen.
constexpr nanoseconds kSlice = std::chrono::milliseconds{100};
constexpr nanoseconds kShortestWait = std::chrono::milliseconds{1};

Result<> emit_patiently(Client& client, std::string_view topic, std::string_view text,
                        nanoseconds timeout) {
  const auto begin = Clock::now();
  const Payload payload(std::as_bytes(std::span(text)),
                        is_utf8(text) ? Content::text : Content::bytes);
  for (;;) {
    const nanoseconds left = std::max(timeout - (Clock::now() - begin), nanoseconds{0});
    const Result<> emitted = client.emit(topic, payload, std::min(left, kSlice));
    const bool may_retry = !emitted && emitted.error().code == Errc::backpressure;
    if (!may_retry || left == nanoseconds{0} || stop_requested()) return emitted;
  }
}

struct Delivery {
  std::uint64_t delivered = 0;  // events that somebody was subscribed to and has passed
  std::uint64_t missed = 0;     // that a subscriber will never get
  bool is_complete = false;     // nobody has anything left to pass
  bool has_ended = false;       // the runtime, meanwhile
};

// In slices, so that an interrupt is seen. Client::wait_delivered() returns early when all is
// complete, or when the runtime has ended.
Delivery wait_delivered(Client& client, nanoseconds timeout) {
  const auto begin = Clock::now();
  for (;;) {
    const auto slice_begin = Clock::now();
    const nanoseconds left = std::max(timeout - (slice_begin - begin), nanoseconds{0});
    const nanoseconds slice = std::clamp(left, kShortestWait, kSlice);
    const DeliveryStatus status = client.wait_delivered(slice);
    const bool has_ended = Clock::now() - slice_begin < slice;
    if (status.pending == 0 || has_ended || left == nanoseconds{0} || stop_requested()) {
      return {status.delivered, status.missed, status.pending == 0, has_ended};
    }
  }
}

Outcome<TopicTemplate> template_in(const Arguments& arguments) {
  const auto text = arguments.value("topic");
  if (!text) return usage_error("--topic is missing, for example --topic 'line.{1}'");
  return TopicTemplate::parse(*text);
}

Outcome<std::unique_ptr<RecordReader>> reader_in(const Arguments& arguments, LineSource& lines,
                                                 const TopicTemplate& topics) {
  auto reader = make_record_reader(arguments.value("format").value_or("lines"), lines);
  if (!reader) return reader;
  for (const std::string& field : topics.fields()) {
    const std::string fault = (*reader)->fault_in_field_name(field);
    if (!fault.empty()) return usage_error("no field {" + one_line(field) + "}: " + fault);
  }
  return reader;
}

struct Report {
  FeedTotals totals;
  Delivery delivery;
  double seconds = 0;
  bool was_interrupted = false;
  std::optional<Failure> failure;
};

std::string delivered_text(const Report& report) {
  std::string text = human_count(report.delivery.delivered) + " delivered";
  const std::uint64_t missed = report.delivery.missed;
  if (missed != 0) text += ", " + human_count(missed) + " missed";
  const std::uint64_t rest = report.totals.accepted - report.delivery.delivered - missed;
  if (rest == 0 || !report.delivery.is_complete) return text;
  return text + " (nobody is subscribed to the other " + human_count(rest) + ")";
}

void show(const Report& report, Output& output) {
  const FeedTotals& totals = report.totals;
  if (output.json()) {
    Json document{{"accepted", totals.accepted},      {"delivered", report.delivery.delivered},
                  {"missed", report.delivery.missed}, {"rejected", totals.rejected},
                  {"records", totals.records},        {"bytes", totals.bytes},
                  {"seconds", report.seconds}};
    if (report.was_interrupted) document["interrupted"] = true;
    if (const auto& failure = report.failure) {
      document["error"] = error_document(*failure);
    }
    output.document(document);
    return;
  }
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.3f", report.seconds);
  output.print(std::string(report.was_interrupted ? "interrupted: " : "") +
               human_count(totals.records) + " records: " + human_count(totals.accepted) +
               " accepted, " + delivered_text(report) + ", " + human_count(totals.rejected) +
               " skipped; " + human_bytes(totals.bytes) + " in " + seconds.data() + " s\n");
}

// The first that applies: what the feeder met, a read error, subscribers that are behind.
std::optional<Failure> failure_of(const Report& report, const LineSource& lines,
                                  const Input& input) {
  if (report.failure) return report.failure;
  if (lines.error() != 0 && lines.error() != EINTR) {
    return Failure{.exit = Exit::refused,
                   .code = "system",
                   .message = "cannot read " + input.label() + ": " +
                              std::generic_category().message(lines.error())};
  }
  if (report.delivery.missed != 0) {
    return Failure{.exit = Exit::refused,
                   .code = "missed",
                   .message = human_count(report.delivery.missed) +
                              " events never reached a subscriber that stood still for "
                              "stall_timeout (mabeam stats counts what was missed)"};
  }
  if (!report.delivery.is_complete && report.delivery.has_ended) {
    const std::uint64_t unread = report.totals.accepted - report.delivery.delivered;
    return Failure{.exit = Exit::no_runtime,
                   .code = std::string(code_name(Errc::not_running)),
                   .message = "the runtime has ended; up to " + human_count(unread) +
                              " events that nobody had read went with it"};
  }
  if (!report.delivery.is_complete && !report.was_interrupted) {
    return Failure{.exit = Exit::timed_out,
                   .code = std::string(code_name(Errc::timed_out)),
                   .message =
                       "some subscribers have not yet passed all events; they are kept "
                       "and will be delivered (a longer --timeout waits for it)"};
  }
  return std::nullopt;
}

Outcome<Exit> run_feed(const Arguments& arguments, Output& output) {
  const auto topics = template_in(arguments);
  if (!topics) return tl::unexpected(topics.error());
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{30});
  if (!timeout) return tl::unexpected(timeout.error());
  auto input = Input::open(arguments.operand(0).value_or("-"));
  if (!input) return tl::unexpected(input.error());
  LineSource lines([&](std::span<char> buffer) { return input->read(buffer); });
  const auto reader = reader_in(arguments, lines, *topics);
  if (!reader) return tl::unexpected(reader.error());
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());

  watch_stop_signals();
  const auto begin = Clock::now();
  Progress progress(output);
  Feeder feeder(
      **reader, *topics,
      [&](std::string_view topic, std::string_view text) {
        return emit_patiently(*client, topic, text, *timeout);
      },
      progress);
  Report report;
  report.failure = feeder.run(arguments.has("strict"));
  progress.clear();
  report.totals = feeder.totals();
  // A runtime that is full or gone has been waited for already.
  const bool is_worth_waiting = !report.failure || report.failure->exit == Exit::refused;
  report.delivery = wait_delivered(*client, is_worth_waiting ? *timeout : nanoseconds{0});
  report.was_interrupted = stop_requested();
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report.failure = failure_of(report, lines, *input);
  show(report, output);
  if (report.failure) return tl::unexpected(*report.failure);
  return Exit::done;
}

constexpr std::array kFeedOptions{
    Option{"topic", "TEMPLATE", "the topic of each record; {NAME} is a field of it"},
    Option{"format", "FORMAT", "lines, ndjson or deb822 (default: lines)"},
    Option{"strict", "", "end at the first record that does not parse (exit 1)"},
    Option{"timeout", "DURATION", "how long to wait for room, and for delivery (default: 30s)"},
};

}  // namespace

const Command feed_command{
    .name = "feed",
    .summary = "emit a file or standard input, one event per record",
    .operands = "[FILE]",
    .options = kFeedOptions,
    .details =
        "Each record's whole text is one event. FILE is standard input when it is left out or -.\n"
        "  lines   a line is a record; fields {1}, {2}... are its words, {line} is all of it\n"
        "  ndjson  a line is a JSON object; its keys are the fields\n"
        "  deb822  a paragraph of a Debian control file; its fields, in any case of letters\n"
        "A field becomes one token: blanks, '.', '*', '>' in it become '_'; a field that is\n"
        "missing or empty becomes 'none'. {{ and }} are braces. A record that does not parse is\n"
        "counted, shown with its line number (the first 10) and skipped. A line or a record may\n"
        "have 1 MiB, and an event a quarter of the log ([events] log_bytes). When the runtime is\n"
        "full the feed waits. It ends when all subscribers have passed all events (exit 124 if\n"
        "they have not within --timeout); SIGINT ends the reading, and it still reports.\n"
        "\n"
        "Examples:\n"
        "  mabeam feed --format deb822 --topic 'pkg.{Section}' /var/lib/dpkg/status\n"
        "  journalctl -f -o json | mabeam feed --format ndjson --topic 'log.{PRIORITY}'\n",
    .run = run_feed};

}  // namespace mabeam::tools

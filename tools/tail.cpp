// mabeam tail: events as they are emitted, and those that history still has.
#include "shm/topics.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/commands.hpp"
#include "tools/views.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A file has no present: all that its logs hold is wanted. Far more than any uptime, and far enough
// from the ends of 64 bits that arithmetic with it cannot overflow.
constexpr nanoseconds kEverything = std::chrono::hours{24 * 365 * 50};
constexpr milliseconds kShortestPause{1};
constexpr milliseconds kLongestPause{50};

// The time of day of a CLOCK_MONOTONIC time, as long as no boot lies between.
std::string time_of_day(std::int64_t monotonic_ns) {
  const nanoseconds wall_now = std::chrono::system_clock::now().time_since_epoch();
  const nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  const std::int64_t unix_ns = (wall_now - now).count() + monotonic_ns;
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr) return "--:--:--";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%06d", local.tm_hour, local.tm_min,
                local.tm_sec, static_cast<int>(unix_ns % 1'000'000'000 / 1000));
  return text.data();
}

std::string boot_seconds(std::int64_t monotonic_ns) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(monotonic_ns) / 1e9);
  return text.data();
}

class Tail {
 public:
  Tail(Observer observer, const Arguments& arguments, Output& output, std::uint64_t most)
      : observer_(std::move(observer)),
        pattern_(*arguments.operand(0)),
        runtime_(arguments.runtime()),
        reads_file_(arguments.has("file")),
        most_(most),
        output_(output) {}

  void start(nanoseconds since) { observer_.start_tail(reads_file_ ? kEverything : since); }

  Outcome<Exit> run() {
    milliseconds pause = kShortestPause;
    while (!is_done()) {
      const auto count =
          observer_.tail(pattern_, [&](const HistoryEvent& event) { batch_.push_back(event); });
      show_batch();
      tell_missed();
      if (!count) return end_of(count.error());
      if (!output_.flush() || is_done()) break;
      if (*count == 0) {
        if (reads_file_) break;
        sleep_unless_stopped(pause);
        pause = std::min(pause * 2, kLongestPause);
      } else {
        pause = kShortestPause;
      }
    }
    return Exit::done;
  }

 private:
  [[nodiscard]] bool is_done() const { return shown_ >= most_ || stop_requested(); }

  // The observer hands out one log after the other; a person reads them by time.
  void show_batch() {
    std::stable_sort(
        batch_.begin(), batch_.end(),
        [](const HistoryEvent& a, const HistoryEvent& b) { return a.emitted_ns < b.emitted_ns; });
    for (const HistoryEvent& event : batch_)
      show(event);
    batch_.clear();
  }

  void show(const HistoryEvent& event) {
    if (is_done()) return;
    ++shown_;
    if (output_.json()) {
      output_.document(event_document(event));
      return;
    }
    const Payload payload(event.payload, event.content);
    const std::string time =
        reads_file_ ? boot_seconds(event.emitted_ns) : time_of_day(event.emitted_ns);
    const auto text = payload_text(payload);
    output_.print(time + "  " + one_line(event.topic) + "  " + to_string(event.source) + "  " +
                  one_line(text ? *text : payload.text()) + "\n");
  }

  void tell_missed() {
    const std::uint64_t missed = observer_.tail_missed();
    if (missed == missed_) return;
    output_.note("missed " + human_count(missed - missed_) + " events (" + human_count(missed) +
                 " in all): they were overwritten before they could be read");
    missed_ = missed;
  }

  [[nodiscard]] tl::unexpected<Failure> end_of(Error error) const {
    if (error.code == Errc::not_running) {
      return tl::unexpected(Failure{.exit = Exit::no_runtime,
                                    .code = std::string(code_name(error.code)),
                                    .message = "runtime '" + runtime_ + "' has ended"});
    }
    return refuse(error, "cannot follow '" + one_line(pattern_) + "'");
  }

  Observer observer_;
  std::string pattern_;
  std::string runtime_;
  bool reads_file_;
  std::uint64_t most_;
  Output& output_;
  std::vector<HistoryEvent> batch_;
  std::uint64_t shown_ = 0;
  std::uint64_t missed_ = 0;
};

Outcome<Exit> run(const Arguments& arguments, Output& output) {
  const auto since = arguments.duration("since", nanoseconds{0});
  if (!since) return tl::unexpected(since.error());
  const auto most = arguments.number("count", std::numeric_limits<std::uint64_t>::max(), 1);
  if (!most) return tl::unexpected(most.error());
  const std::string_view pattern = *arguments.operand(0);
  if (const Result<> checked = shm::check_pattern(pattern); !checked) {
    return refuse_typed(checked.error(), "pattern '" + one_line(pattern) + "'");
  }
  auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());

  watch_stop_signals();
  Tail tail(std::move(*observer), arguments, output, *most);
  tail.start(std::min(*since, kEverything));
  return tail.run();
}

constexpr std::array kOptions{
    Option{"since", "DURATION", "begin so long ago, as far as history reaches (default: now)"},
    Option{"count", "N", "end after so many events"},
    Option{"file", "FILE", "what a copy of a segment still holds, then end"},
};

}  // namespace

Json event_document(const HistoryEvent& event) {
  const Payload payload(event.payload, event.content);
  Json document{{"topic", event.topic},
                {"source", to_string(event.source)},
                {"sequence", event.sequence},
                {"content", content_name(event.content)}};
  add_payload(document, payload);
  document["emitted_ns"] = event.emitted_ns;
  return document;
}

const Command tail_command{
    .name = "tail",
    .summary = "show events as they are emitted",
    .operands = "PATTERN",
    .options = kOptions,
    .details =
        "PATTERN is a topic whose tokens may be * (any one) and, at the end, > (the rest).\n"
        "A tail only looks: it holds nobody back, and says on stderr how many events it\n"
        "missed. SIGINT, SIGTERM or --count end it. --json is one document per line.\n"
        "\n"
        "Examples:\n"
        "  mabeam tail '>'\n"
        "  mabeam tail 'job.*' --since 5m --count 100\n"
        "  mabeam tail 'job.>' --json | jq -r .payload_text\n",
    .run = run};

}  // namespace mabeam::tools

// mabeam tail: events as they are emitted, and those that history still has.
#include "shm/topics.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/commands.hpp"
#include "tools/event_text.hpp"
#include "tools/history_options.hpp"

#include "mabeam/client.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A file has no present: all that its logs hold is wanted. Far more than any uptime, and far enough
// from the ends of 64 bits that arithmetic with it cannot overflow.
constexpr nanoseconds kEverything = std::chrono::hours{24 * 365 * 50};
/// What shards emit only where somebody is subscribed to it.
constexpr std::array<std::string_view, 7> kOwnTopics{
    "agent.started", "agent.stopped",   "agent.failed",    "agent.restarted",
    "agent.updated", "backpressure.on", "backpressure.off"};

constexpr milliseconds kShortestPause{1};
constexpr milliseconds kLongestPause{50};

class Tail {
 public:
  Tail(Observer observer, const Arguments& arguments, const HistoryQuery& wanted, Output& output,
       std::uint64_t most)
      : observer_(std::move(observer)),
        pattern_(*arguments.operand(0)),
        wanted_(wanted),
        runtime_(arguments.runtime()),
        reads_file_(arguments.has("file")),
        most_(most),
        output_(output) {}

  void start(nanoseconds since) { observer_.start_tail(reads_file_ ? kEverything : since); }

  Outcome<Exit> run() {
    milliseconds pause = kShortestPause;
    while (!is_done()) {
      const auto count = observer_.tail(pattern_, [&](const HistoryEvent& event) { take(event); });
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

  void take(const HistoryEvent& event) {
    if (wanted_.source && event.source != wanted_.source) return;
    if (wanted_.log && event.log != *wanted_.log) return;
    batch_.push_back(event);
  }

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
    output_.print(
        event_line(event, reads_file_ ? EventTime::boot_seconds : EventTime::time_of_day));
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
  HistoryQuery wanted_;
  std::string runtime_;
  bool reads_file_;
  std::uint64_t most_;
  Output& output_;
  std::vector<HistoryEvent> batch_;
  std::uint64_t shown_ = 0;
  std::uint64_t missed_ = 0;
};

/// The runtime's own events have to be asked for: by a subscription that holds nobody back. A
/// runtime without a free endpoint, or that is dead, is looked at all the same.
std::optional<Client> ask_for_own_events(const Arguments& arguments, std::string_view pattern) {
  const bool are_wanted =
      std::any_of(kOwnTopics.begin(), kOwnTopics.end(),
                  [&](std::string_view topic) { return shm::matches(pattern, topic); });
  if (!are_wanted || arguments.has("file")) return std::nullopt;
  auto client = Client::attach(arguments.runtime(), {.attach_timeout = nanoseconds{0}});
  if (!client) return std::nullopt;
  for (const std::string_view topic : kOwnTopics) {
    if (!shm::matches(pattern, topic)) continue;
    if (!client->subscribe(topic, {.delivery = Delivery::latest})) return std::nullopt;
  }
  return std::move(*client);
}

Outcome<Exit> run_tail(const Arguments& arguments, Output& output) {
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

  const auto wanted = source_in(arguments, *observer);
  if (!wanted) return tl::unexpected(wanted.error());

  watch_stop_signals();
  const std::optional<Client> subscriber = ask_for_own_events(arguments, pattern);
  Tail tail(std::move(*observer), arguments, *wanted, output, *most);
  tail.start(std::min(*since, kEverything));
  return tail.run();
}

constexpr std::array kTailOptions{
    Option{"since", "DURATION", "begin so long ago, as far as history reaches (default: now)"},
    Option{"count", "N", "end after so many events"},
    kSourceOption,
    kLogOption,
    Option{"file", "FILE", "what a copy of a segment still holds, then end"},
};

}  // namespace

const Command tail_command{
    .name = "tail",
    .summary = "show events as they are emitted",
    .operands = "PATTERN",
    .options = kTailOptions,
    .details =
        "PATTERN is a topic whose tokens may be * (any one) and, at the end, > (the rest).\n"
        "A tail holds nobody back, and says on stderr how many events it missed. What agents'\n"
        "shards themselves tell (agent.started, agent.updated, backpressure.on ...) is emitted\n"
        "where somebody wants it: a tail of those takes a client's endpoint, if one is free.\n"
        "SIGINT, SIGTERM or --count end it. --json is one document per line.\n"
        "\n"
        "Examples:\n"
        "  mabeam tail '>'\n"
        "  mabeam tail 'job.*' --since 5m --count 100\n"
        "  mabeam tail '>' --source jobs\n"
        "  mabeam tail 'job.>' --json | jq -r .payload_text\n",
    .run = run_tail};

}  // namespace mabeam::tools

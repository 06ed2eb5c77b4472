// mabeam log: the flight recorder.
#include "shm/clock.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/commands.hpp"
#include "tools/fact_follower.hpp"
#include "tools/fact_text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace mabeam::tools {

namespace {

constexpr std::chrono::milliseconds kLogPause{100};

/// Which facts are asked for.
struct FactFilter {
  FactLevel level = FactLevel::trace;
  std::optional<std::uint64_t> worker;
  std::int64_t from_unix_ns = std::numeric_limits<std::int64_t>::min();

  [[nodiscard]] bool wants(const FactView& fact) const {
    return fact.level >= level && fact.unix_ns >= from_unix_ns &&
           (!worker || fact.worker() == worker);
  }
};

std::optional<FactLevel> parse_level(std::string_view text) {
  for (const FactLevel level :
       {FactLevel::trace, FactLevel::debug, FactLevel::info, FactLevel::warn, FactLevel::error}) {
    if (text == to_string(level)) return level;
  }
  return std::nullopt;
}

Outcome<FactFilter> fact_filter_in(const Arguments& arguments) {
  FactFilter filter;
  if (const auto text = arguments.value("level")) {
    const auto level = parse_level(*text);
    if (!level) {
      return usage_error("--level takes trace, debug, info, warn or error, not '" +
                         one_line(*text) + "'");
    }
    filter.level = *level;
  }
  if (arguments.has("worker")) {
    const auto worker = arguments.number("worker", 0);
    if (!worker) return tl::unexpected(worker.error());
    filter.worker = *worker;
  }
  if (arguments.has("follow") && arguments.has("file")) {
    return usage_error("--follow and --file do not go together: nothing is added to a copy");
  }
  return filter;
}

/// Where `--since` begins: so long before now or, in a copy, before its last fact.
Outcome<std::int64_t> since_of(const Arguments& arguments, const FactList& list) {
  const auto since = arguments.duration("since", std::chrono::nanoseconds{0});
  if (!since) return tl::unexpected(since.error());
  if (!arguments.has("since")) return std::numeric_limits<std::int64_t>::min();
  std::int64_t end = std::chrono::system_clock::now().time_since_epoch().count();
  if (arguments.has("file")) end = list.facts.empty() ? 0 : list.facts.back().unix_ns;
  return std::max<std::int64_t>(end, 0) - since->count();
}

void keep_wanted(FactList& list, const FactFilter& filter) {
  std::erase_if(list.facts, [&](const FactView& fact) { return !filter.wants(fact); });
}

Outcome<Exit> follow_log(const Observer& observer, const FactFilter& filter, Output& output) {
  watch_stop_signals();
  FactFollower follower;
  while (!stop_requested()) {
    const bool is_over = observer.runtime().state == RuntimeState::removed;
    FactList list = observer.facts();
    for (const FactView& fact : follower.take(std::move(list), shm::monotonic_ns(), is_over)) {
      if (!filter.wants(fact)) continue;
      if (output.json()) {
        output.document(fact_document(fact));
      } else {
        output.print(fact_line(fact));
      }
    }
    if (!output.flush() || is_over) break;
    sleep_unless_stopped(kLogPause);
  }
  return Exit::done;
}

Outcome<Exit> run_log(const Arguments& arguments, Output& output) {
  auto filter = fact_filter_in(arguments);
  if (!filter) return tl::unexpected(filter.error());
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  FactList list = observer->facts();
  const auto from = since_of(arguments, list);
  if (!from) return tl::unexpected(from.error());
  filter->from_unix_ns = *from;
  if (arguments.has("follow")) return follow_log(*observer, *filter, output);
  const std::string missing = missing_facts_text(list);
  keep_wanted(list, *filter);
  if (output.json()) {
    output.document(facts_document(list));
    return Exit::done;
  }
  for (const FactView& fact : list.facts)
    output.print(fact_line(fact));
  if (!missing.empty()) output.note(missing);
  return Exit::done;
}

constexpr std::array kLogOptions{
    Option{"since", "DURATION", "begin so long ago (default: with the oldest that is kept)"},
    Option{"level", "trace|debug|info|warn|error", "that and what is worse"},
    Option{"worker", "WORKER", "what is about that worker"},
    Option{"follow", {}, "go on with what happens from now on"},
    kFileOption,
};

}  // namespace

const Command log_command{
    .name = "log",
    .summary = "show the flight recorder: what happened to the runtime",
    .options = kLogOptions,
    .details =
        "Every fact of the supervisor's log, and what workers say of messages that they bury, is\n"
        "in the segment, too: the newest 2,000 or so, whatever becomes of the log. So it can be\n"
        "read on a hung or dead runtime and in a copy of its segment, and what happened before a\n"
        "takeover is still there. With --follow, --json is one document per line.\n"
        "\n"
        "Examples:\n"
        "  mabeam log --since 10m --level warn\n"
        "  mabeam log --worker 2 --follow\n"
        "  mabeam log --file /tmp/copy --json | jq -r '.facts[].message'\n",
    .run = run_log};

}  // namespace mabeam::tools

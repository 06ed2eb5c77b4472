// mabeam history: past events, as the logs still hold them.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/event_text.hpp"
#include "tools/history_options.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_history(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const std::string_view pattern = arguments.operand(0).value_or(">");
  const auto query = query_in(arguments, pattern, *observer);
  if (!query) return tl::unexpected(query.error());
  const Result<HistoryView> view = observer->history(*query);
  if (!view) return refuse(view.error(), "history of '" + one_line(pattern) + "'");
  if (output.json()) {
    output.document(history_document(*view));
    return Exit::done;
  }
  const auto time = arguments.has("file") ? EventTime::boot_seconds : EventTime::time_of_day;
  for (const HistoryEvent& event : view->events)
    output.print(event_line(event, time));
  if (const std::string missing = missing_text(*view); !missing.empty()) output.note(missing);
  return Exit::done;
}

constexpr std::array kHistoryOptions{
    kLastOption, kSinceOption, kFromOption, kLimitOption, kSourceOption, kLogOption, kFileOption,
};

}  // namespace

Json history_document(const HistoryView& view) {
  Json events = Json::array();
  for (const HistoryEvent& event : view.events)
    events.push_back(event_document(event));
  Json logs = Json::array();
  for (const HistoryLog& log : view.logs) {
    logs.push_back({{"log", log.log},
                    {"name", log.name},
                    {"gone", log.gone},
                    {"kept", log.kept},
                    {"next", log.next},
                    {"damaged", log.is_damaged}});
  }
  return Json{{"events", events},
              {"matched", view.matched},
              {"gone", view.gone},
              {"unreadable", view.unreadable},
              {"logs", logs}};
}

const Command history_command{
    .name = "history",
    .summary = "show past events, and how many are no longer there",
    .operands = "[PATTERN]",
    .options = kHistoryOptions,
    .details =
        "Every endpoint keeps the newest events that it has emitted, as many as its log holds\n"
        "([events] log_bytes); events of all logs are shown by time. How many older ones are\n"
        "gone is said on stderr, and with --json for each log. An event's \"log\" and "
        "\"sequence\"\n"
        "are a position for --from, and a log's \"next\" is where to read on. It only looks: it\n"
        "works on a hung or dead runtime too.\n"
        "\n"
        "Examples:\n"
        "  mabeam history 'job.*' --last 20\n"
        "  mabeam history --since 5m --source jobs\n"
        "  mabeam history '>' --from 3:1500 --limit 100 --json | jq -r '.events[].topic'\n",
    .run = run_history};

}  // namespace mabeam::tools

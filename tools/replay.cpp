// mabeam replay: past events, given to one agent again.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/history_options.hpp"

#include <array>
#include <chrono>
#include <map>
#include <string>

namespace mabeam::tools {

namespace {

/// Where to read on in each log when the first `done` events were sent.
std::map<std::uint32_t, std::uint64_t> positions_after(const HistoryView& view, std::size_t done) {
  std::map<std::uint32_t, std::uint64_t> positions;
  for (std::size_t i = done; i < view.events.size(); ++i)
    positions.emplace(view.events[i].log, view.events[i].sequence);
  for (const HistoryLog& log : view.logs)
    positions.emplace(log.log, log.next);
  return positions;
}

/// "cannot go on after 12 of 40 events; the rest is --from 3:1500 --from 9:0".
std::string stopped_after(const HistoryView& view, std::size_t done) {
  std::string text = "cannot go on after " + human_count(done) + " of " +
                     human_count(view.events.size()) + " events; the rest is";
  for (const auto& [log, number] : positions_after(view, done))
    text += " --from " + std::to_string(log) + ":" + std::to_string(number);
  return text;
}

Outcome<Exit> run_replay(const Arguments& arguments, Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{5});
  if (!timeout) return tl::unexpected(timeout.error());
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const std::string_view pattern = *arguments.operand(0);
  const auto query = query_in(arguments, pattern, *observer);
  if (!query) return tl::unexpected(query.error());
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());
  const auto agent = find_agent(*client, *arguments.operand(1));
  if (!agent) return tl::unexpected(agent.error());
  const Result<HistoryView> view = observer->history(*query);
  if (!view) return refuse(view.error(), "history of '" + one_line(pattern) + "'");

  std::size_t replayed = 0;
  for (const HistoryEvent& event : view->events) {
    const Result<> sent = client->replay(*agent, event, *timeout);
    if (!sent) return refuse(sent.error(), stopped_after(*view, replayed));
    ++replayed;
  }
  if (output.json()) {
    output.document({{"replayed", replayed}, {"target", to_string(*agent)}, {"gone", view->gone}});
    return Exit::done;
  }
  output.print(std::to_string(replayed) + "\n");
  if (const std::string missing = missing_text(*view); !missing.empty()) output.note(missing);
  return Exit::done;
}

constexpr std::array kReplayOptions{
    kLastOption,
    kSinceOption,
    kFromOption,
    kLimitOption,
    kSourceOption,
    kLogOption,
    Option{"timeout", "DURATION", "how long to wait for room, for each (default: 5s)"},
};

}  // namespace

const Command replay_command{
    .name = "replay",
    .summary = "give past events to an agent, as if they were emitted now",
    .operands = "PATTERN AGENT",
    .options = kReplayOptions,
    .details =
        "Which events: as for `mabeam history`. The agent's on_event() gets each, by time,\n"
        "whatever it is subscribed to; Event::is_replayed() tells them from new ones, and\n"
        "Event::emitted_by() who emitted them first. They are messages of this command: each\n"
        "takes effect once, in order, but a replay that is cut short has sent a part, and says\n"
        "how to go on. How many were sent is printed.\n"
        "\n"
        "Examples:\n"
        "  mabeam replay 'job.*' jobs --last 100\n"
        "  mabeam replay '>' audit --since 10m\n"
        "  mabeam replay 'job.done' jobs --source importer --from 3:1500\n",
    .run = run_replay};

}  // namespace mabeam::tools

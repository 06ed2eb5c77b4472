// mabeam stats: what the runtime has counted.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

std::string table_of(const StatsView& view) {
  Table table({{"WHAT"}, {"COUNT", Align::right}});
  table.add({"messages sent", human_count(view.messages.sent)});
  table.add({"messages delivered", human_count(view.messages.delivered)});
  table.add({"messages redelivered", human_count(view.messages.redelivered)});
  table.add({"messages refused", human_count(view.messages.refused)});
  table.add({"messages expired", human_count(view.messages.expired)});
  table.add({"messages dead-lettered", human_count(view.messages.dead_lettered)});
  table.add({"events published", human_count(view.events.published)});
  table.add({"events delivered", human_count(view.events.delivered)});
  table.add({"events missed", human_count(view.events.missed)});
  table.add({"agents live", human_count(view.agents.live)});
  table.add({"agents created", human_count(view.agents.created)});
  table.add({"agents stopped", human_count(view.agents.stopped)});
  table.add({"latency p50", human_latency(view.latency_ns.p50)});
  table.add({"latency p99", human_latency(view.latency_ns.p99)});
  table.add({"latency p99.9", human_latency(view.latency_ns.p999)});
  table.add({"latency max", human_latency(view.latency_ns.max)});
  return table.render(false);
}

Outcome<Exit> run_stats(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const StatsView view = observer->stats();
  if (output.json()) {
    output.document(stats_document(view));
  } else {
    output.print(table_of(view));
  }
  return Exit::done;
}

constexpr std::array kStatsOptions{kFileOption};

}  // namespace

Json stats_document(const StatsView& view) {
  return Json{{"messages",
               {{"sent", view.messages.sent},
                {"delivered", view.messages.delivered},
                {"redelivered", view.messages.redelivered},
                {"refused", view.messages.refused},
                {"expired", view.messages.expired},
                {"dead_lettered", view.messages.dead_lettered}}},
              {"events",
               {{"published", view.events.published},
                {"delivered", view.events.delivered},
                {"missed", view.events.missed}}},
              {"agents",
               {{"live", view.agents.live},
                {"created", view.agents.created},
                {"stopped", view.agents.stopped}}},
              {"latency_ns",
               {{"p50", view.latency_ns.p50},
                {"p99", view.latency_ns.p99},
                {"p999", view.latency_ns.p999},
                {"max", view.latency_ns.max}}}};
}

const Command stats_command{.name = "stats",
                            .summary = "messages, events, agents and latencies so far",
                            .options = kStatsOptions,
                            .details =
                                "A latency is from the send to the handler.\n"
                                "\n"
                                "Examples:\n"
                                "  mabeam stats\n"
                                "  mabeam stats --json | jq .messages.delivered\n",
                            .run = run_stats};

}  // namespace mabeam::tools

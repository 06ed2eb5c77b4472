// mabeam top: what a runtime is doing, again and again.
#include "tools/cli/arguments.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/commands.hpp"
#include "tools/top/look.hpp"

#include <array>
#include <chrono>
#include <string>
#include <utility>

namespace mabeam::tools {

namespace {

constexpr std::chrono::seconds kTopInterval{1};

void show(const TopLook& before, const TopLook& now, Output& output) {
  const TopRates rates = rates_between(before, now);
  if (output.json()) {
    output.document(top_document(now, rates));
  } else {
    output.print(top_text(now, rates, output.style().colour));
  }
}

Outcome<Exit> run_top(const Arguments& arguments, Output& output) {
  const auto interval = arguments.duration("interval", kTopInterval);
  if (!interval) return tl::unexpected(interval.error());
  const std::string runtime = arguments.runtime();
  watch_stop_signals();
  auto before = look_at(runtime);
  if (!before) return tl::unexpected(before.error());
  for (bool is_first = true;; is_first = false) {
    sleep_unless_stopped(*interval);
    if (stop_requested()) return Exit::done;
    auto now = look_at(runtime);
    if (!now) return tl::unexpected(now.error());
    if (!is_first && !output.json()) output.print("\n");
    show(*before, *now, output);
    if (!output.flush() || arguments.has("once")) return Exit::done;
    before = std::move(now);
  }
}

constexpr std::array kTopOptions{
    Option{.name = "once", .help = "one look, then end"},
    Option{"interval", "DURATION", "from one look to the next (default: 1s)"},
};

}  // namespace

const Command top_command{
    .name = "top",
    .summary = "what the runtime is doing: rates, latencies, workers",
    .options = kTopOptions,
    .details =
        "Rates are of the interval; latencies of the whole life of the runtime. CPU is in\n"
        "percent of one core. SIGINT and SIGTERM end it, and so does the end of the runtime.\n"
        "--json is one document per line.\n"
        "\n"
        "Examples:\n"
        "  mabeam top --once\n"
        "  mabeam top --interval 5s\n"
        "  mabeam top --once --json | jq .rates\n",
    .run = run_top};

}  // namespace mabeam::tools

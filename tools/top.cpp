// mabeam top: what a runtime is doing, again and again.
#include "tools/cli/arguments.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/commands.hpp"
#include "tools/top/look.hpp"
#include "tools/top/screen.hpp"
#include "tools/top/terminal.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <unistd.h>

namespace mabeam::tools {

namespace {

constexpr std::chrono::seconds kTopInterval{1};
constexpr std::chrono::nanoseconds kShortestInterval = std::chrono::milliseconds{50};

void show(const TopLook& before, const TopLook& now, Output& output) {
  const TopRates rates = rates_between(before, now);
  if (output.json()) {
    output.document(top_document(now, rates));
  } else {
    output.print(top_text(now, rates, output.style().colour));
  }
}

/// Nothing where text is wanted, or is all that can be had.
std::unique_ptr<Terminal> terminal_for(const Arguments& arguments, const Output& output) {
  const bool is_person = output.style().out_is_terminal && ::isatty(STDIN_FILENO) == 1;
  if (!is_person || output.json() || arguments.has("once")) return nullptr;
  return Terminal::open(output.style().colour);
}

Outcome<Exit> run_top(const Arguments& arguments, Output& output) {
  const auto interval = arguments.duration("interval", kTopInterval);
  if (!interval) return tl::unexpected(interval.error());
  const auto pause = std::max<std::chrono::nanoseconds>(*interval, kShortestInterval);
  const std::string runtime = arguments.runtime();
  watch_stop_signals();
  auto before = look_at(runtime);
  if (!before) return tl::unexpected(before.error());
  if (const auto terminal = terminal_for(arguments, output)) {
    return run_screen(*terminal, runtime, std::move(*before), pause);
  }
  for (bool is_first = true;; is_first = false) {
    sleep_unless_stopped(pause);
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
    Option{.name = "once", .help = "one look, as text, then end"},
    Option{"interval", "DURATION", "from one look to the next, 50ms or more (default: 1s)"},
};

}  // namespace

const Command top_command{
    .name = "top",
    .summary = "what the runtime is doing: rates, latencies, workers",
    .options = kTopOptions,
    .details =
        "On a terminal it is a screen of 60x12 cells or more: the keys 1 to 8 choose what is\n"
        "shown, s sorts, / filters, h tells of the others, q quits. A runtime that goes away is\n"
        "waited for. NO_COLOR is obeyed; where the locale is not UTF-8 it is drawn in ASCII.\n"
        "With --once, with --json (one document per line) and in pipes it is text: rates are of\n"
        "the interval, latencies of the whole life of the runtime, CPU is in percent of one core,\n"
        "and it ends with the runtime. SIGINT and SIGTERM end either.\n"
        "\n"
        "Examples:\n"
        "  mabeam top\n"
        "  mabeam top --once\n"
        "  mabeam top --interval 5s\n"
        "  mabeam top --once --json | jq .rates\n",
    .run = run_top};

}  // namespace mabeam::tools

// mabeam reload: the configuration is read again, and what comes of it is told.
#include "tools/cli/ask.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"

#include <array>
#include <string>
#include <utility>

namespace mabeam::tools {

namespace {

/// What a key takes: the supervisor's word, and what a person reads.
constexpr std::array kClasses{std::pair{"in_place", "in place"},
                              std::pair{"rolling", "restarts the workers one by one"},
                              std::pair{"needs_restart", "needs a restart of the runtime"}};

std::string table_of(const shm::ControlAnswer& answer, bool dry_run, bool colour) {
  Table table({{"KEY"}, {dry_run ? "WOULD CHANGE" : "CHANGES"}});
  for (const auto& [word, text] : kClasses) {
    const Tone tone = std::string_view(word) == "needs_restart" ? Tone::warning : Tone::plain;
    for (const std::string& key : answer.all(word))
      table.add({key, {text, tone}});
  }
  return table.render(colour);
}

Outcome<Exit> run_reload(const Arguments& arguments, Output& output) {
  const auto runtime = Supervised::attach(arguments);
  if (!runtime) return tl::unexpected(runtime.error());
  const bool dry_run = arguments.has("dry-run");
  const auto answer = runtime->ask(shm::ControlCommand::reload, dry_run ? 1 : 0);
  if (!answer) return tl::unexpected(answer.error());
  if (output.json()) {
    Json fields{{"dry_run", dry_run}};
    for (const auto& [word, text] : kClasses)
      fields[word] = answer->all(word);
    output.document(fields);
  } else if (answer->lines.empty()) {
    output.print("nothing has changed\n");
  } else {
    output.print(table_of(*answer, dry_run, output.style().colour));
  }
  return Exit::done;
}

constexpr std::array kReloadOptions{
    Option{"dry-run", "", "only say what would change"},
    kAskTimeoutOption,
};

}  // namespace

const Command reload_command{
    .name = "reload",
    .summary = "read the configuration again, as SIGHUP does",
    .options = kReloadOptions,
    .details =
        "A configuration with a fault changes nothing: each fault is told with its file, line\n"
        "and column, and the exit code is 78. Workers that are restarted one by one are still at\n"
        "it when this returns; if one cannot be started, the old settings come back.\n"
        "\n"
        "Examples:\n"
        "  mabeam reload --dry-run\n"
        "  mabeam reload --json | jq -r '.needs_restart[]'\n",
    .run = run_reload};

}  // namespace mabeam::tools

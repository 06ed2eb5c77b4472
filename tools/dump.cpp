// mabeam dump: what happened to a runtime, and what everybody was at.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/dump/scene.hpp"

#include <array>
#include <chrono>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_dump(const Arguments& arguments, Output& output) {
  const auto last = arguments.duration("last", std::chrono::minutes{5});
  if (!last) return tl::unexpected(last.error());
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const Scene scene = look_at_scene(*observer, *last);
  if (output.json()) {
    output.document(scene_document(scene));
  } else {
    output.print(scene_story(scene));
  }
  return Exit::done;
}

constexpr std::array kDumpOptions{
    Option{"last", "DURATION", "tell what happened so long before the last sign of life (5m)"},
    kFileOption,
};

}  // namespace

const Command dump_command{
    .name = "dump",
    .summary = "tell what happened: who died and why, open turns, what waits, the last minutes",
    .options = kDumpOptions,
    .details =
        "Only looks: works on a live, a hung and a dead runtime, and on a copy of its segment,\n"
        "which stays when everything was killed: /dev/shm/mabeam-NAME. Workers that a signal has\n"
        "killed have left their backtraces there; functions and lines are found in the programs'\n"
        "own files, so make the dump on the machine that has them.\n"
        "\n"
        "Examples:\n"
        "  mabeam dump\n"
        "  cp /dev/shm/mabeam-prod /var/crash/ && mabeam dump --file /var/crash/mabeam-prod\n"
        "  mabeam dump --last 1h --json | jq '.backtraces[].frames[0].function'\n",
    .run = run_dump};

}  // namespace mabeam::tools

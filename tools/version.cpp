// mabeam version: which mabeam this is.
#include "mabeam/version.hpp"

#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <string>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_version(const Arguments& /*arguments*/, Output& output) {
  if (output.json()) {
    output.document({{"version", version()}});
  } else {
    output.print("mabeam " + std::string(version()) + "\n");
  }
  return Exit::done;
}

}  // namespace

const Command version_command{
    .name = "version", .summary = "which mabeam this is", .run = run_version};

}  // namespace mabeam::tools

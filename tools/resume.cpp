// mabeam resume: lets suspended agents go on: what has waited is handled first.
#include "tools/commands.hpp"
#include "tools/each_agent.hpp"

#include <functional>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_resume(const Arguments& arguments, Output& output) {
  return for_each_agent({"resume", "resumed", std::mem_fn(&Client::resume)}, arguments, output);
}

}  // namespace

const Command resume_command{
    .name = "resume",
    .summary = "let suspended agents go on, by name or id",
    .operands = "[AGENT...]",
    .options = kEachAgentOptions,
    .details =
        "Examples:\n"
        "  mabeam resume jobs\n"
        "  mabeam agents --json | jq -r '.agents[] | select(.reason) | .id' |\n"
        "    xargs mabeam resume\n",
    .run = run_resume};

}  // namespace mabeam::tools

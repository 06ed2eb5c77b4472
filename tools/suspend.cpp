// mabeam suspend: holds agents: what is sent to them waits until they are resumed.
#include "tools/commands.hpp"
#include "tools/each_agent.hpp"

#include <functional>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_suspend(const Arguments& arguments, Output& output) {
  return for_each_agent({"suspend", "suspended", std::mem_fn(&Client::suspend)}, arguments, output);
}

}  // namespace

const Command suspend_command{.name = "suspend",
                              .summary = "let messages to agents wait, by name or id",
                              .operands = "[AGENT...]",
                              .options = kEachAgentOptions,
                              .details =
                                  "Examples:\n"
                                  "  mabeam suspend jobs\n"
                                  "  mabeam agents --json | jq '.agents[] | select(.reason)'\n",
                              .run = run_suspend};

}  // namespace mabeam::tools

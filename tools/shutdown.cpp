// mabeam shutdown: ends a runtime, and waits until it is gone.
#include "tools/cli/ask.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_shutdown(const Arguments& arguments, Output& output) {
  const auto runtime = Supervised::attach(arguments);
  if (!runtime) return tl::unexpected(runtime.error());
  const std::uint64_t how = arguments.has("now") ? 1 : 0;
  const auto answer = runtime->ask(shm::ControlCommand::shutdown, how);
  if (!answer) return tl::unexpected(answer.error());
  if (const auto ended = runtime->wait_for_end(); !ended) return ended;
  if (output.json()) {
    output.document(
        {{"runtime", runtime->segment().name()}, {"supervisor_pid", runtime->supervisor_pid()}});
  } else {
    output.print("runtime " + std::string(runtime->segment().name()) + " has stopped\n");
  }
  return Exit::done;
}

constexpr std::array kShutdownOptions{
    Option{"now", "", "end every worker after its turn; what is unread stays unread"},
    kAskTimeoutOption,
};

}  // namespace

const Command shutdown_command{.name = "shutdown",
                               .summary = "drain and stop the runtime, as SIGTERM does",
                               .options = kShutdownOptions,
                               .details =
                                   "Returns when the supervisor has ended. Without one, the "
                                   "workers end by themselves\nafter runtime.orphan_grace.\n"
                                   "\n"
                                   "Examples:\n"
                                   "  mabeam shutdown\n"
                                   "  mabeam shutdown --now --name prod\n",
                               .run = run_shutdown};

}  // namespace mabeam::tools

// mabeam completion: what shells are told about mabeam.
#include "tools/cli/arguments.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/completion/scripts.hpp"

#include <string>

namespace mabeam::tools {

namespace {

Outcome<Exit> run_completion(const Arguments& arguments, Output& output) {
  const std::string shell{*arguments.operand(0)};
  if (shell != "bash" && shell != "zsh") {
    return usage_error("there is completion for bash and zsh, not for '" + one_line(shell) + "'");
  }
  const std::string script =
      shell == "bash" ? completion::bash(commands()) : completion::zsh(commands());
  if (output.json()) {
    output.document({{"shell", shell}, {"script", script}});
  } else {
    output.print(script);
  }
  return Exit::done;
}

}  // namespace

const Command completion_command{.name = "completion",
                                 .summary = "what bash or zsh needs to complete mabeam's commands",
                                 .operands = "bash|zsh",
                                 .details =
                                     "The Debian package has both in their places. Otherwise:\n"
                                     "\n"
                                     "Examples:\n"
                                     "  eval \"$(mabeam completion bash)\"        in ~/.bashrc\n"
                                     "  mabeam completion zsh > ~/.zfunc/_mabeam  with "
                                     "fpath=(~/.zfunc $fpath) before compinit\n",
                                 .run = run_completion};

}  // namespace mabeam::tools

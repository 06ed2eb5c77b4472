// The `mabeam` command. The table is in commands.cpp, each subcommand in the file of its name.
#include "tools/cli/command_line.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using mabeam::tools::Exit;

mabeam::tools::Style style_of_terminal() {
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing else runs yet.
  const char* const no_colour = std::getenv("NO_COLOR");
  const bool wants_plain = no_colour != nullptr && *no_colour != '\0';
  return {.out_is_terminal = is_terminal,
          .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
          .colour = is_terminal && !wants_plain};
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that has gone away (`mabeam tail '>' | head -1`) ends the tool without a word, even
  // where the parent had SIGPIPE ignored.
  if (std::signal(SIGPIPE, SIG_DFL) == SIG_ERR) return static_cast<int>(Exit::refused);
  try {
    std::ios::sync_with_stdio(false);
    const std::vector<std::string> words(argv + 1, argv + argc);
    mabeam::tools::Output output(std::cout, std::cerr, style_of_terminal());
    return static_cast<int>(
        mabeam::tools::run_command_line(mabeam::tools::commands(), words, output));
  } catch (const std::exception& error) {
    std::cerr << "mabeam: " << error.what() << '\n';
    return static_cast<int>(Exit::refused);
  }
}

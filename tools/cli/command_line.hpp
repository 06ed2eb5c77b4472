// The command line as a whole: which command is meant, its help, and how failures are told.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/command.hpp"

#include <span>
#include <string>
#include <string_view>

namespace mabeam::tools {

class Output;

using CommandTable = std::span<const Command* const>;

/// Runs the command that `words` (without argv[0]) name and reports its failure. Options before the
/// command's name are common ones; a --name there is always the runtime's.
Exit run_command_line(CommandTable table, std::span<const std::string> words, Output& output);

struct ExitCode {
  Exit exit;
  std::string_view meaning;
};

/// What every command may exit with.
std::span<const ExitCode> exit_codes();

/// The text of `mabeam --help`.
std::string help_text(CommandTable table);
/// The text of `mabeam CMD --help`.
std::string help_text(const Command& command);

/// The command whose name is nearest to a mistyped one; nullptr if none is near.
const Command* nearest_command(CommandTable table, std::string_view name);

}  // namespace mabeam::tools

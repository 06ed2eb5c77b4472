// What a shell is told about `mabeam`, made of the table of commands and nothing else.
#pragma once

#include "tools/cli/command_line.hpp"
#include "tools/command.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tools::completion {

/// What may stand in a place of the command line.
enum class Kind : std::uint8_t {
  other,
  agent,
  directory,
  file,
  runtime,
  section,  ///< of the configuration
  type,
  worker,
  words,  ///< "open|close|auto"
};

/// The value that an option of this command takes; `other` for a flag, too.
Kind kind_of(const Command& command, const Option& option);

/// "open|close|auto" of Kind::words: what help says, or what its REASON stands for.
std::string words_of(std::string_view value);

struct Operand {
  std::string name = {};  ///< "AGENT", or "open|close|auto"
  Kind kind = Kind::other;
  bool is_optional = false;
  bool repeats = false;
};

/// "AGENT ACTION [PAYLOAD]", one by one.
std::vector<Operand> operands_of(const Command& command);

/// The options of a command, the common ones that it has not its own of included.
std::vector<Option> options_of(const Command& command);

/// The text of a file for bash-completion, and of one for zsh's fpath (_mabeam).
std::string bash(CommandTable table);
std::string zsh(CommandTable table);

}  // namespace mabeam::tools::completion

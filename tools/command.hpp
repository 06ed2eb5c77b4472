// Command: one row of the table from which `mabeam` is made: dispatch, help, options, operands.
//
// A new subcommand is one file that defines a `const Command`, one declaration in commands.hpp and
// one entry in commands.cpp. Nothing else knows how many there are.
#pragma once

#include "tools/cli/failure.hpp"

#include <span>
#include <string_view>

namespace mabeam::tools {

class Arguments;
class Output;

/// A long option of one command. Every option may be repeated; the last one counts unless the
/// command asks for all.
struct Option {
  std::string_view name;        ///< without the dashes
  std::string_view value = {};  ///< what help calls its value ("DURATION"); empty: a flag
  std::string_view help;
};

struct Command {
  std::string_view name;
  std::string_view summary;              ///< one line of `mabeam --help`
  std::string_view operands = {};        ///< "AGENT ACTION [PAYLOAD]", "AGENT..."; also checked
  std::span<const Option> options = {};  ///< besides --name, --runtime, --json, --help
  std::string_view details = {};         ///< after the options: what to know, and examples
  Outcome<Exit> (*run)(const Arguments& arguments, Output& output) = nullptr;
};

/// What every command takes: --name, --runtime, --json, --help.
std::span<const Option> common_options();

}  // namespace mabeam::tools

// Options: the supervisor's command line.
#pragma once

#include "supervisor/config.hpp"
#include "supervisor/exit_code.hpp"
#include "supervisor/invocation.hpp"

#include <tl/expected.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::supervisor {

struct Options {
  std::string config_file;       ///< empty: the defaults
  std::string name;              ///< empty: as configured
  bool checks = false;           ///< validates, prints, and exits
  bool checks_handover = false;  ///< says whether it could take over what runs, and exits
  bool discards = false;         ///< removes a segment that is there
  bool wants_help = false;
  bool wants_version = false;
  Invocation invocation = {};  ///< how to run the program again
};

/// Errors: a Refusal with ExitCode::usage.
tl::expected<Options, Refusal> parse_options(int argc, const char* const* argv);

std::string help_text();

/// What the help is made of, for the manual page.
struct OptionHelp {
  std::string name;   ///< without the dashes
  std::string value;  ///< "FILE"; empty: a flag
  std::string help;
};

std::vector<OptionHelp> option_table();

struct HelpSection {
  std::string_view title;
  std::string_view text;  ///< whole lines
};

std::span<const HelpSection> help_sections();

/// The configuration that the options name.
tl::expected<Config, ConfigError> load_config(const Options& options);

}  // namespace mabeam::supervisor

#include "supervisor/options.hpp"

#include <cxxopts.hpp>

#include <array>
#include <cstdlib>

namespace mabeam::supervisor {
namespace {

constexpr std::array kSections{
    HelpSection{
        "Signals",
        R"(TERM drains and stops, INT stops fast, HUP reads the configuration again, USR2 lets the
program that is in this one's place now take over, without restarting a worker.
)"},
    HelpSection{
        "Exit codes",
        R"(0 stopped as asked; 64 usage; 65 damaged segment; 70 gave up on restarts; 73 cannot
create the segment, or another supervisor runs it; 76 segment of another build; 77 permission;
78 configuration.
)"},
    HelpSection{
        "Examples",
        R"(  mabeam-supervisor                              a runtime of the default settings
  mabeam-supervisor --config mabeam.toml         as configured
  mabeam-supervisor --config mabeam.toml --check is it right, and how large is its segment?
  mabeam-supervisor --name test --discard        lose what an earlier runtime left behind
)"},
};

cxxopts::Options make_options() {
  cxxopts::Options options("mabeam-supervisor",
                           "Runs a mabeam runtime in the foreground: creates its shared-memory "
                           "segment, or takes it over,\nand starts and watches its workers.\n");
  options.add_options()("config", "Settings, in TOML", cxxopts::value<std::string>(), "FILE")(
      "name", "The runtime's name, before any setting (or MABEAM_NAME)",
      cxxopts::value<std::string>(),
      "NAME")("check", "Check the settings, show the segment's size by region, and exit")(
      "discard", "Remove what an earlier runtime of this name has left behind, agents and all")(
      "handover-check", "Tell whether this program can take over the runtime (USR2), and exit")(
      "version", "Show the version, and exit")("help", "Show this help, and exit");
  return options;
}

tl::expected<Options, Refusal> refuse_usage(const std::string& reason) {
  return refuse(ExitCode::usage, reason + "; see mabeam-supervisor --help");
}

}  // namespace

tl::expected<Options, Refusal> parse_options(int argc, const char* const* argv) {
  try {
    cxxopts::Options known = make_options();
    const cxxopts::ParseResult given = known.parse(argc, argv);
    if (!given.unmatched().empty()) {
      return refuse_usage("unexpected argument '" + given.unmatched().front() + "'");
    }
    Options options;
    if (given.count("config") != 0) options.config_file = given["config"].as<std::string>();
    if (given.count("name") != 0) options.name = given["name"].as<std::string>();
    if (given.count("config") != 0 && options.config_file.empty()) {
      return refuse_usage("--config needs the name of a file");
    }
    if (given.count("name") != 0 && options.name.empty()) return refuse_usage("--name is empty");
    options.checks = given.count("check") != 0;
    options.checks_handover = given.count("handover-check") != 0;
    options.discards = given.count("discard") != 0;
    options.wants_help = given.count("help") != 0;
    options.wants_version = given.count("version") != 0;
    options.invocation = Invocation::of(argc, argv);
    return options;
  } catch (const cxxopts::exceptions::exception& error) {
    return refuse_usage(error.what());
  }
}

std::string help_text() {
  std::string text = make_options().help();
  for (const HelpSection& section : kSections)
    text.append("\n").append(section.title).append(":\n").append(section.text);
  return text;
}

std::vector<OptionHelp> option_table() {
  std::vector<OptionHelp> table;
  const cxxopts::Options options = make_options();
  for (const auto& option : options.group_help("").options)
    table.push_back({option.l.empty() ? option.s : option.l.front(), option.arg_help, option.desc});
  return table;
}

std::span<const HelpSection> help_sections() {
  return kSections;
}

// MABEAM_NAME is what every command takes; the key's own variable is the more exact one and wins.
tl::expected<Config, ConfigError> load_config(const Options& options) {
  ConfigSources sources;
  // NOLINTBEGIN(concurrency-mt-unsafe): the supervisor has one thread.
  const char* name = std::getenv("MABEAM_NAME");
  const bool has_key = std::getenv("MABEAM_RUNTIME_NAME") != nullptr;
  // NOLINTEND(concurrency-mt-unsafe)
  if (!options.name.empty()) {
    sources.overrides.push_back({"--name", "runtime.name", options.name});
  } else if (name != nullptr && *name != '\0' && !has_key) {
    sources.overrides.push_back({"MABEAM_NAME", "runtime.name", name});
  }
  return load_config(options.config_file, sources);
}

}  // namespace mabeam::supervisor

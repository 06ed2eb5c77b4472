// mabeam config: every key of the configuration, explained.
#include "tools/cli/arguments.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/config/text.hpp"

#include <string>

namespace mabeam::tools {

namespace config {

std::string_view section(std::string_view name) {
  const std::string head = "\n[" + std::string{name} + "]\n";
  const std::size_t begin = kText.find(head);
  if (name.empty() || begin == std::string_view::npos) return {};
  const std::size_t end = kText.find("\n[", begin + 1);
  return kText.substr(begin + 1, end == std::string_view::npos ? end : end - begin);
}

}  // namespace config

namespace {

Outcome<Exit> run_config(const Arguments& arguments, Output& output) {
  std::string_view text = config::kText;
  if (const auto name = arguments.operand(0)) {
    text = config::section(*name);
    if (text.empty()) {
      return usage_error("the configuration has no section '" + one_line(*name) +
                         "'; 'mabeam config' shows all of them");
    }
  }
  if (output.json()) {
    output.document({{"toml", std::string{text}}});
  } else {
    output.print(std::string{text});
  }
  return Exit::done;
}

}  // namespace

const Command config_command{.name = "config",
                             .summary = "every key of the configuration, explained",
                             .operands = "[SECTION]",
                             .details =
                                 "What it prints is a configuration that changes nothing: each "
                                 "key is commented out,\nwith its default. It needs no runtime.\n"
                                 "\n"
                                 "Examples:\n"
                                 "  mabeam config > mabeam.toml\n"
                                 "  mabeam config limits\n",
                             .run = run_config};

}  // namespace mabeam::tools

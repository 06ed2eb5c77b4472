#include "tools/cli/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/completion/scripts.hpp"

#include "packaging/generate/pages.hpp"
#include "packaging/generate/roff.hpp"

namespace mabeam::packaging {

namespace {

void add_options(Roff& page, std::span<const tools::Option> options) {
  for (const tools::Option& option : options)
    page.item("--" + std::string(option.name), option.value, option.help);
}

void add_command(Roff& page, const tools::Command& command) {
  page.subsection(command.name);
  std::string operands = "[OPTION]...";
  if (!command.operands.empty()) operands += " " + std::string(command.operands);
  page.synopsis("mabeam " + std::string(command.name), operands);
  page.paragraph(command.summary);
  add_options(page, command.options);
  if (!command.details.empty()) page.verbatim(command.details);
}

}  // namespace

std::string command_manual() {
  Roff page("MABEAM", "1");
  page.name("mabeam", "look into a multi-agent runtime and talk to its agents");
  page.section("SYNOPSIS");
  page.synopsis("mabeam", "COMMAND [OPTION]... [OPERAND]...");
  page.section("DESCRIPTION");
  page.paragraph(
      "A runtime is one shared-memory segment, the supervisor that made it, its worker processes, "
      "and the agents that these host. Commands that look attach read-only: they work on a live, "
      "hung or dead runtime, which never notices them.");
  page.section("OPTIONS");
  page.paragraph("Of every command:");
  add_options(page, tools::common_options());
  page.section("COMMANDS");
  for (const tools::Command* const command : tools::commands())
    add_command(page, *command);
  page.section("EXIT STATUS");
  for (const tools::ExitCode& code : tools::exit_codes())
    page.item(std::to_string(static_cast<unsigned>(code.exit)), {}, code.meaning);
  page.section("ENVIRONMENT");
  page.item("MABEAM_NAME", {}, "The runtime that is meant where no option says it.");
  page.item("NO_COLOR", {}, "No colours, if it is set.");
  page.section("FILES");
  page.item("/dev/shm/mabeam-NAME", {}, "The segment of the runtime NAME.");
  page.section("SEE ALSO");
  page.paragraph("mabeam-supervisor(8), mabeam.toml(5)");
  return page.text();
}

}  // namespace mabeam::packaging

#include "supervisor/options.hpp"

#include "packaging/generate/pages.hpp"
#include "packaging/generate/roff.hpp"

#include <algorithm>
#include <cctype>

namespace mabeam::packaging {

namespace {

std::string in_capitals(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

/// Inside the single quotes of a shell.
std::string in_quotes(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '\'' ? "'\\''" : std::string(1, c);
  return out;
}

}  // namespace

std::string supervisor_manual() {
  Roff page("MABEAM-SUPERVISOR", "8");
  page.name("mabeam-supervisor", "run a multi-agent runtime");
  page.section("SYNOPSIS");
  page.synopsis("mabeam-supervisor", "[OPTION]...");
  page.section("DESCRIPTION");
  page.paragraph(
      "Runs a mabeam runtime in the foreground: creates its shared-memory segment, or takes over "
      "the one that is there, and starts and watches its workers. One that was killed is replaced "
      "by starting another one: it adopts the workers that run.");
  page.section("OPTIONS");
  for (const supervisor::OptionHelp& option : supervisor::option_table())
    page.item("--" + option.name, option.value, option.help);
  for (const supervisor::HelpSection& section : supervisor::help_sections()) {
    page.section(in_capitals(section.title));
    page.verbatim(section.text);
  }
  page.section("ENVIRONMENT");
  page.item("MABEAM_NAME", {}, "The runtime's name, if neither an option nor its key says it.");
  page.item("MABEAM_SECTION_KEY", {}, "Any key of the configuration: mabeam.toml(5).");
  page.item("NOTIFY_SOCKET, WATCHDOG_USEC", {}, "Of the service manager: sd_notify(3).");
  page.section("FILES");
  page.item("/etc/mabeam/mabeam.toml", {}, "The configuration of the unit mabeam.service.");
  page.item("/etc/mabeam/NAME.toml", {}, "That of mabeam@NAME.service.");
  page.item("/dev/shm/mabeam-NAME", {}, "The segment of the runtime NAME.");
  page.section("SEE ALSO");
  page.paragraph("mabeam(1), mabeam.toml(5)");
  return page.text();
}

std::string supervisor_bash() {
  std::string options;
  for (const supervisor::OptionHelp& option : supervisor::option_table())
    options += (options.empty() ? "--" : " --") + option.name;
  return "# Completion of mabeam-supervisor for bash.\ncomplete -o default -W '" + options +
         "' mabeam-supervisor\n";
}

std::string supervisor_zsh() {
  std::string text = "#compdef mabeam-supervisor\n\n_arguments";
  for (const supervisor::OptionHelp& option : supervisor::option_table()) {
    text += " \\\n  '--" + option.name + (option.value.empty() ? "" : "=") + "[" +
            in_quotes(option.help) + "]" + (option.value.empty() ? "" : ":" + option.value + ":") +
            (option.value == "FILE" ? "_files"
             : option.value.empty() ? ""
                                    : " ") +
            "'";
  }
  return text + "\n";
}

}  // namespace mabeam::packaging

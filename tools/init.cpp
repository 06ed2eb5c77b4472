// mabeam init: begins a project of one agent.
#include "tools/cli/arguments.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/init/project.hpp"

#include <array>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

std::vector<std::string> next_commands(const std::string& type, const std::string& folder) {
  std::vector<std::string> commands;
  if (folder != ".") commands.push_back("cd " + folder);
  for (const char* command : {"cmake -B build", "cmake --build build", "ctest --test-dir build",
                              "mabeam-supervisor --config mabeam.toml &"})
    commands.emplace_back(command);
  commands.push_back("export MABEAM_NAME=" + type);
  commands.emplace_back("until mabeam health > /dev/null 2>&1; do sleep 0.1; done");
  commands.push_back("mabeam create --type " + type + " --name first");
  commands.emplace_back("mabeam call first add 5");
  return commands;
}

/// As a shell takes it for one word.
std::string in_shell(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:@%";
  if (word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word)
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

void say_what_is_next(const std::string& folder, const std::string& type,
                      const std::vector<init::File>& files, Output& output) {
  const std::vector<std::string> commands = next_commands(type, in_shell(folder));
  if (output.json()) {
    Json names = Json::array();
    for (const init::File& file : files)
      names.push_back(file.name);
    output.document(
        {{"directory", folder}, {"type", type}, {"files", names}, {"commands", commands}});
    return;
  }
  std::string text = "In " + one_line(folder) + ":";
  for (const init::File& file : files)
    text += " " + file.name;
  text += "\n\nNext:\n";
  for (const std::string& command : commands)
    text += "  " + one_line(command) + "\n";
  output.print(text);
}

Outcome<Exit> run_init(const Arguments& arguments, Output& output) {
  const std::string folder{*arguments.operand(0)};
  const auto given = arguments.value("type");
  const auto type = given ? init::type_name(*given) : init::type_name_of(folder);
  if (!type) return tl::unexpected(type.error());
  const std::vector<init::File> files = init::project(*type);
  const auto written = init::write(folder, files);
  if (!written) return tl::unexpected(written.error());
  say_what_is_next(folder, *type, files, output);
  return Exit::done;
}

constexpr std::array kInitOptions{
    Option{"type", "NAME", "the agent type's name (default: the folder's)"},
};

}  // namespace

const Command init_command{
    .name = "init",
    .summary = "begin a project of one agent",
    .operands = "DIR",
    .options = kInitOptions,
    .details =
        "Writes an agent, its test, a CMake file, a configuration and a README into DIR, which\n"
        "must be empty or not be there yet, and prints the commands that build, test and run it.\n"
        "It needs libmabeam-dev, or `cmake --install`.\n"
        "\n"
        "Exit codes: 1 DIR is not empty, or cannot be written.\n"
        "\n"
        "Examples:\n"
        "  mabeam init greeter\n"
        "  mabeam init src/agents --type greeter\n",
    .run = run_init};

}  // namespace mabeam::tools

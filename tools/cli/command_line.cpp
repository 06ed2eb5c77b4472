#include "tools/cli/command_line.hpp"

#include "tools/cli/arguments.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/output.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace mabeam::tools {

namespace {

constexpr std::array kCommonOptions{
    Option{"name", "NAME", "the runtime (default: MABEAM_NAME, else 'default')"},
    Option{"runtime", "NAME", "the same, in every command"},
    Option{"json", "", "one JSON document on stdout"},
    Option{"help", "", "this text"},
};

constexpr std::array kExitCodes{
    ExitCode{Exit::done, "done"},
    ExitCode{Exit::refused, "the runtime said no"},
    ExitCode{Exit::usage, "usage"},
    ExitCode{Exit::damaged, "damaged segment"},
    ExitCode{Exit::no_runtime, "no such runtime"},
    ExitCode{Exit::try_again, "try again"},
    ExitCode{Exit::other_layout, "another build's segment"},
    ExitCode{Exit::permission, "permission"},
    ExitCode{Exit::configuration, "configuration"},
    ExitCode{Exit::timed_out, "timed out"},
};

const Command* find_command(CommandTable table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Command* command) { return command->name == name; });
  return found == table.end() ? nullptr : *found;
}

// How many letters must be changed, put in or left out to make one word of the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

void append_options(std::string& text, std::span<const Option> options) {
  for (const Option& option : options) {
    std::string left = "  --" + std::string(option.name);
    if (!option.value.empty()) left += " " + std::string(option.value);
    left.resize(std::max<std::size_t>(left.size() + 2, 24), ' ');
    text += left + std::string(option.help) + '\n';
  }
}

std::string exit_codes_text() {
  constexpr std::size_t kWidth = 90;
  std::string text;
  std::string line = "Exit codes:";
  for (const ExitCode& code : kExitCodes) {
    const std::string item = " " + std::to_string(static_cast<unsigned>(code.exit)) + " " +
                             std::string(code.meaning) + (&code == &kExitCodes.back() ? "." : ",");
    if (line.size() + item.size() > kWidth) {
      text += line + '\n';
      line = item.substr(1);
    } else {
      line += item;
    }
  }
  return text + line + '\n';
}

// The words before the command's name, the name, and the words after it.
struct Split {
  std::vector<std::string> words;  // all options and operands of the command
  std::optional<std::string> name;
};

// `mabeam --name prod create --name jobs`: the first is the runtime's, whatever create makes of its
// own. So what stands before the command becomes --runtime.
Split split_at_command(std::span<const std::string> words) {
  Split result;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    const std::string& word = words[at];
    if (word == "--name" || word == "--runtime") {
      result.words.emplace_back("--runtime");
      if (at + 1 < words.size()) result.words.push_back(words[++at]);
    } else if (word.starts_with("--name=")) {
      result.words.push_back("--runtime=" + word.substr(7));
    } else {
      result.words.push_back(word);
    }
  }
  if (at < words.size()) result.name = words[at++];
  result.words.insert(result.words.end(), words.begin() + static_cast<std::ptrdiff_t>(at),
                      words.end());
  return result;
}

bool contains(std::span<const std::string> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Failure unknown_command(CommandTable table, const std::string& name) {
  std::string message = "there is no command '" + one_line(name) + "'";
  if (const Command* const nearest = nearest_command(table, name)) {
    message += "; did you mean '" + std::string(nearest->name) + "'?";
  }
  return {.exit = Exit::usage, .code = "usage", .message = message + " (see mabeam --help)"};
}

Exit show_help(CommandTable table, std::span<const std::string> words, Output& output) {
  const Command* const command = words.empty() ? nullptr : find_command(table, words[0]);
  if (!words.empty() && command == nullptr && !words[0].starts_with('-')) {
    output.report(unknown_command(table, words[0]));
    return Exit::usage;
  }
  output.print(command == nullptr ? help_text(table) : help_text(*command));
  return Exit::done;
}

Exit run_without_command(CommandTable table, std::span<const std::string> words, Output& output) {
  if (contains(words, "--help") || contains(words, "-h")) return show_help(table, {}, output);
  if (contains(words, "--version")) {
    const std::vector<std::string> version{"version"};
    return run_command_line(table, version, output);
  }
  if (output.json()) {
    output.report({.exit = Exit::usage,
                   .code = "usage",
                   .message = "no command is given (see mabeam --help)"});
  } else {
    output.print_error(help_text(table));
  }
  return Exit::usage;
}

Outcome<Exit> run_command(const Command& command, std::span<const std::string> words,
                          Output& output) {
  const auto arguments = Arguments::parse(command, words);
  if (!arguments) {
    Failure failure = arguments.error();
    failure.message += " (see mabeam " + std::string(command.name) + " --help)";
    return tl::unexpected(failure);
  }
  if (arguments->has("help")) {
    output.print(help_text(command));
    return Exit::done;
  }
  output.set_json(arguments->has("json"));
  return command.run(*arguments, output);
}

}  // namespace

std::span<const Option> common_options() {
  return kCommonOptions;
}

std::span<const ExitCode> exit_codes() {
  return kExitCodes;
}

const Command* nearest_command(CommandTable table, std::string_view name) {
  const Command* nearest = nullptr;
  std::size_t least = 3;
  for (const Command* const command : table) {
    const bool continues = name.size() > 1 && command->name.starts_with(name);
    const std::size_t distance = continues ? 0 : edit_distance(name, command->name);
    // A short word is two letters away from any other.
    const std::size_t bound = std::max<std::size_t>(command->name.size(), 3) - 1;
    if (distance < std::min(least, bound)) {
      nearest = command;
      least = distance;
    }
  }
  return nearest;
}

std::string help_text(CommandTable table) {
  std::string text =
      "mabeam: look into a multi-agent runtime and talk to its agents\n"
      "\n"
      "Usage: mabeam COMMAND [OPTION]... [OPERAND]...\n"
      "\n";
  for (const Command* const command : table) {
    std::string left = "  " + std::string(command->name);
    left.resize(std::max<std::size_t>(left.size() + 2, 12), ' ');
    text += left + std::string(command->summary) + '\n';
  }
  text += "\nOptions of every command:\n";
  append_options(text, common_options());
  text +=
      "\n" + exit_codes_text() + "'mabeam COMMAND --help' has a command's options and examples.\n";
  return text;
}

std::string help_text(const Command& command) {
  std::string text = "mabeam " + std::string(command.name) + ": " + std::string(command.summary) +
                     "\n\nUsage: mabeam " + std::string(command.name) + " [OPTION]...";
  if (!command.operands.empty()) text += " " + std::string(command.operands);
  text += "\n\nOptions:\n";
  append_options(text, command.options);
  for (const Option& option : common_options()) {
    if (!defines(command, option.name)) append_options(text, {&option, 1});
  }
  if (!command.details.empty()) text += "\n" + std::string(command.details);
  return text;
}

Exit run_command_line(CommandTable table, std::span<const std::string> words, Output& output) {
  const Split split = split_at_command(words);
  output.set_json(contains(words, "--json"));
  Exit exit = Exit::done;
  if (!split.name) {
    exit = run_without_command(table, words, output);
  } else if (*split.name == "help") {
    exit = show_help(table, split.words, output);
  } else if (const Command* const command = find_command(table, *split.name); command == nullptr) {
    output.report(unknown_command(table, *split.name));
    exit = Exit::usage;
  } else {
    output.set_command(command->name);
    const Outcome<Exit> outcome = run_command(*command, split.words, output);
    if (!outcome) output.report(outcome.error());
    exit = outcome ? *outcome : outcome.error().exit;
  }
  if (!output.flush()) {
    output.note("cannot write standard output: " + output.write_error());
    return Exit::refused;
  }
  return exit;
}

}  // namespace mabeam::tools

// For zsh: the arguments of _arguments, command by command, with what help says of each.
#include "tools/completion/scripts.hpp"

namespace mabeam::tools::completion {

namespace {

constexpr std::string_view kZshFunctions = R"sh(#compdef mabeam
# Completion of mabeam for zsh; made by `mabeam completion zsh`.

_mabeam_runtimes() {
  local -a names=(/dev/shm/mabeam-[a-z0-9]*(N:t))
  compadd -- ${names#mabeam-}
}

_mabeam_agents() {
  local name=${opt_args[--runtime]:-${opt_args[--name]:-$runtime}}
  local -a names=(${(f)"$(mabeam agents ${name:+--runtime=$name} 2>/dev/null </dev/null |
    awk 'NR > 1 { print $2 == "-" ? $1 : $2 }')"})
  compadd -- $names
}

# _mabeam_list SKIPPED COMMAND: the first column of its table, below that many lines.
_mabeam_list() {
  local name=${opt_args[--runtime]:-${opt_args[--name]:-$runtime}}
  local -a names=(${(f)"$(mabeam $2 ${name:+--runtime=$name} 2>/dev/null </dev/null |
    awk -v skipped=$1 'NR > skipped && !NF { exit } NR > skipped { print $1 }')"})
  compadd -- $names
}

_mabeam_types() { _mabeam_list 1 types }
_mabeam_workers() { _mabeam_list 2 ps }

_mabeam_sections() {
  local -a names=(${(f)"$(mabeam config 2>/dev/null | sed -n 's/^\[\([a-z]*\)\]$/\1/p')"})
  compadd -- $names
}

)sh";

/// Inside single quotes, and inside a specification, where []: mean something.
std::string zsh_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string action_of(Kind kind, std::string_view words) {
  switch (kind) {
    case Kind::agent:
      return "_mabeam_agents";
    case Kind::directory:
      return "_files -/";
    case Kind::file:
      return "_files";
    case Kind::runtime:
      return "_mabeam_runtimes";
    case Kind::section:
      return "_mabeam_sections";
    case Kind::type:
      return "_mabeam_types";
    case Kind::worker:
      return "_mabeam_workers";
    case Kind::words: {
      std::string list = "(";
      for (const char c : words_of(words))
        list += c == '|' ? ' ' : c;
      return list + ")";
    }
    case Kind::other:
      break;
  }
  return " ";
}

std::string zsh_option(const Command& command, const Option& option) {
  std::string text = "        '*--" + std::string(option.name) + (option.value.empty() ? "" : "=") +
                     "[" + zsh_quoted(option.help) + "]";
  if (!option.value.empty()) {
    text +=
        ":" + zsh_quoted(option.value) + ":" + action_of(kind_of(command, option), option.value);
  }
  return text + "'";
}

std::string zsh_operands(const Command& command) {
  std::string text;
  for (const Operand& operand : operands_of(command)) {
    text += " \\\n        '";
    text += operand.repeats ? "*" : "";
    text += operand.is_optional && !operand.repeats ? "::" : ":";
    text += zsh_quoted(operand.name) + ":" + action_of(operand.kind, operand.name) + "'";
  }
  return text;
}

}  // namespace

std::string zsh(CommandTable table) {
  std::string names;
  std::string arms;
  for (const Command* const command : table) {
    names += "    '" + std::string(command->name) + ":" + zsh_quoted(command->summary) + "'\n";
    arms += "    " + std::string(command->name) + ")\n      _arguments";
    for (const Option& option : options_of(*command))
      arms += " \\\n" + zsh_option(*command, option);
    arms += zsh_operands(*command) + " ;;\n";
  }
  const Command none{.name = {}, .summary = {}};
  std::string text{kZshFunctions};
  text +=
      "_mabeam() {\n  local curcontext=$curcontext state line runtime\n"
      "  local -A opt_args\n  local -a commands=(\n" +
      names + "  )\n  _arguments -C";
  for (const Option& option : options_of(none))
    text += " \\\n" + zsh_option(none, option);
  text +=
      // What stands behind the command is its own business, common options as well.
      " \\\n    '(-)1:command:->command' '(-)*::argument:->rest'\n"
      "  case $state in\n"
      "    command) _describe command commands; return ;;\n"
      "    rest) runtime=${opt_args[--runtime]:-${opt_args[--name]-}} ;;\n"
      "    *) return ;;\n"
      "  esac\n"
      "  case $words[1] in\n" +
      arms + "  esac\n}\n\n_mabeam \"$@\"\n";
  return text;
}

}  // namespace mabeam::tools::completion

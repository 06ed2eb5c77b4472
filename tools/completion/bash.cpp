// For bash: one line of data for each command, and a function that reads it.
#include "tools/completion/scripts.hpp"

namespace mabeam::tools::completion {

namespace {

// A name with other characters is left out: compgen -W would have the shell read it.
constexpr std::string_view kBashFunctions =
    R"sh(# Completion of mabeam for bash; made by `mabeam completion bash`.

_mabeam_runtimes() {
  local path
  for path in /dev/shm/mabeam-*; do
    [[ ${path##*/mabeam-} =~ ^[a-z0-9][a-z0-9_-]*$ ]] && printf '%s\n' "${BASH_REMATCH[0]}"
  done
}

_mabeam_agents() {
  mabeam agents "$@" 2>/dev/null </dev/null |
    awk 'NR > 1 { name = $2 == "-" ? $1 : $2; if (name ~ /^[A-Za-z0-9_.:-]+$/) print name }'
}

# _mabeam_list SKIPPED COMMAND...: the first column of its table, below that many lines.
_mabeam_list() {
  mabeam "${@:2}" 2>/dev/null </dev/null |
    awk -v skipped="$1" 'NR > skipped && !NF { exit } NR > skipped && $1 ~ /^[A-Za-z0-9_.:-]+$/ { print $1 }'
}

_mabeam_sections() {
  mabeam config 2>/dev/null | sed -n 's/^\[\([a-z]*\)\]$/\1/p'
}

# _mabeam_offer WORD KIND: fills COMPREPLY.
_mabeam_offer() {
  local IFS=$'\n'
  case $2 in
    FILE) compopt -o filenames; COMPREPLY=($(compgen -f -- "$1")) ;;
    DIR) compopt -o filenames; COMPREPLY=($(compgen -d -- "$1")) ;;
    AGENT) COMPREPLY=($(compgen -W "$(_mabeam_agents "${runtime[@]}")" -- "$1")) ;;
    SECTION) COMPREPLY=($(compgen -W "$(_mabeam_sections)" -- "$1")) ;;
    TYPE) COMPREPLY=($(compgen -W "$(_mabeam_list 1 types "${runtime[@]}")" -- "$1")) ;;
    WORKER) COMPREPLY=($(compgen -W "$(_mabeam_list 2 ps "${runtime[@]}")" -- "$1")) ;;
    RUNTIME) COMPREPLY=($(compgen -W "$(_mabeam_runtimes)" -- "$1")) ;;
    *'|'*) COMPREPLY=($(compgen -W "${2//|/$'\n'}" -- "$1")) ;;
  esac
}

# _mabeam_words: fills words with those up to the cursor, as the shell will have them: readline has
# cut --name=prod and jobs:1 into three.
_mabeam_words() {
  local line=${COMP_LINE:0:COMP_POINT} each
  words=()
  for each in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ ${#words[@]} == 0 || $line == [[:space:]]* ]]; then words+=("$each"); else words[-1]+=$each; fi
    line=${line#"${line%%[![:space:]]*}"}
    line=${line#"$each"}
  done
}

_mabeam() {
  local command= options= operands= each kind= at=0 i
  local -a words runtime=() kinds=()
  COMPREPLY=()
  _mabeam_words
  local last=$((${#words[@]} - 1))
  local word=${words[last]} before=${words[last - 1]}
  for ((i = 1; i < last; ++i)); do
    case ${words[i]} in
      --name | --runtime) runtime=(--runtime "${words[++i]}") ;;
      --name=* | --runtime=*) runtime=(--runtime "${words[i]#*=}") ;;
      -*) ;;
      *) command=${words[i]}; break ;;
    esac
  done
)sh";

constexpr std::string_view kBashSearch = R"sh(
  # Past the command's name: which operand is this, or whose value?
  for ((++i; i < last; ++i)); do
    each=${words[i]}
    case " $options" in
      *" $each=RUNTIME "*) runtime=(--runtime "${words[++i]}") ;;
      *" ${each%%=*}=RUNTIME "*) runtime=(--runtime "${each#*=}") ;;
      *" $each="*) ((++i)) ;;
      *) [[ $each == -* ]] || ((++at)) ;;
    esac
  done
  if [[ $before == --* && " $options" == *" $before="* ]]; then
    kind=${options#*"$before="}
    _mabeam_offer "$word" "${kind%% *}"
  elif [[ $word == --*=* ]]; then
    each=${word%%=*}=
    [[ " $options" == *" $each"* ]] || return
    kind=${options#*"$each"}
    _mabeam_offer "${word#*=}" "${kind%% *}"
    COMPREPLY=("${COMPREPLY[@]/#/$each}")
  elif [[ $word == -* ]]; then
    for each in $options; do kinds+=("${each%%=*}"); done
    COMPREPLY=($(compgen -W "${kinds[*]}" -- "$word"))
  elif [[ -z $command ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$word"))
  else
    kinds=($operands)
    kind=${kinds[at]-}
    [[ $kind || ${operands% } != *+ ]] || kind=${kinds[${#kinds[@]} - 1]}
    _mabeam_offer "$word" "${kind%+}"
  fi
  # What readline has cut off in front of the word stays there.
  each=${COMP_WORDBREAKS//[^=:]}
  [[ ! $each ]] || COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*["$each"]}"}"}")
}

complete -F _mabeam mabeam
)sh";

/// What _mabeam_offer() is told; `words` are as they are.
std::string word_of(Kind kind, std::string_view words) {
  switch (kind) {
    case Kind::agent:
      return "AGENT";
    case Kind::directory:
      return "DIR";
    case Kind::file:
      return "FILE";
    case Kind::runtime:
      return "RUNTIME";
    case Kind::section:
      return "SECTION";
    case Kind::type:
      return "TYPE";
    case Kind::worker:
      return "WORKER";
    case Kind::words:
      return words_of(words);
    default:
      return "-";
  }
}

// Each followed by a blank: "--file=FILE --json ".
std::string bash_options(const Command& command, const std::vector<Option>& options) {
  std::string text;
  for (const Option& option : options) {
    text += "--" + std::string(option.name);
    if (!option.value.empty()) text += "=" + word_of(kind_of(command, option), option.value);
    text += ' ';
  }
  return text;
}

// "AGENT - " of AGENT ACTION; a last one that repeats has a plus.
std::string bash_operands(const Command& command) {
  std::string text;
  for (const Operand& operand : operands_of(command)) {
    text += word_of(operand.kind, operand.name);
    text += operand.repeats ? "+ " : " ";
  }
  return text;
}

}  // namespace

std::string bash(CommandTable table) {
  std::string names = "help";
  std::string arms;
  for (const Command* const command : table) {
    names += " " + std::string(command->name);
    arms += "    " + std::string(command->name) + ")\n      options='" +
            bash_options(*command, options_of(*command)) + "'\n      operands='" +
            bash_operands(*command) + "' ;;\n";
  }
  const Command none{.name = {}, .summary = {}};
  std::string text{kBashFunctions};
  text += "  local commands='" + names + "'\n  case $command in\n" + arms +
          "    help) operands=\"${commands// /|}\" ;;\n    *) options='" +
          bash_options(none, options_of(none)) + "--version ' ;;\n  esac\n";
  return text.append(kBashSearch);
}

}  // namespace mabeam::tools::completion

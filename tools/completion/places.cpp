// What may stand where, read from the words that help uses for it.
#include "shm/wire.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/completion/scripts.hpp"

#include <sstream>

namespace mabeam::tools::completion {

namespace {

Kind kind_of_word(std::string_view word) {
  if (word == "AGENT") return Kind::agent;
  if (word == "DIR") return Kind::directory;
  if (word == "FILE") return Kind::file;
  if (word == "REASON") return Kind::words;
  if (word == "SECTION") return Kind::section;
  if (word == "TYPE") return Kind::type;
  if (word == "WORKER") return Kind::worker;
  return word.find('|') == std::string_view::npos ? Kind::other : Kind::words;
}

}  // namespace

Kind kind_of(const Command& command, const Option& option) {
  const bool is_runtime =
      option.name == "runtime" || (option.name == "name" && !defines(command, "name"));
  return is_runtime ? Kind::runtime : kind_of_word(option.value);
}

std::string words_of(std::string_view value) {
  if (value != "REASON") return std::string(value);
  std::string words;
  for (std::uint16_t number = shm::kFirstReason; number <= shm::kLastReason; ++number) {
    if (!words.empty()) words += '|';
    words += shm::dead_reason_name(static_cast<shm::DeadReason>(number));
  }
  return words;
}

std::vector<Operand> operands_of(const Command& command) {
  std::vector<Operand> operands;
  std::istringstream words{std::string(command.operands)};
  for (std::string word; words >> word;) {
    Operand operand{.is_optional = word.starts_with('[')};
    if (operand.is_optional) word = word.substr(1, word.size() - 2);
    operand.repeats = word.ends_with("...");
    if (operand.repeats) word.resize(word.size() - 3);
    operand.kind = kind_of_word(word);
    operand.name = word;
    operands.push_back(operand);
  }
  return operands;
}

std::vector<Option> options_of(const Command& command) {
  std::vector<Option> options(command.options.begin(), command.options.end());
  for (const Option& option : common_options())
    if (!defines(command, option.name)) options.push_back(option);
  return options;
}

}  // namespace mabeam::tools::completion

#include "tools/cli/arguments.hpp"

#include "tools/cli/duration.hpp"

// The parser that cxxopts makes with std::regex recurses once per character, so that one long word
// would overflow the stack.
// NOLINTNEXTLINE(readability-identifier-naming): cxxopts's name.
#define CXXOPTS_NO_REGEX true
#include <cxxopts.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <sstream>

namespace mabeam::tools {

namespace {

// Put before a negative number, so that cxxopts takes it for an operand; taken off again below.
constexpr char kOperandMark = '\x01';

bool looks_like_negative_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' &&
         (word[1] == '.' || (word[1] >= '0' && word[1] <= '9'));
}

// cxxopts would take --strict=no for a flag, on or off by what the word looks like.
bool gives_flag_a_value(std::span<const Option> options, std::string_view word) {
  return std::any_of(options.begin(), options.end(), [&](const Option& option) {
    return option.value.empty() && word.starts_with("--" + std::string(option.name) + "=");
  });
}

std::vector<std::string> mark_negative_numbers(std::span<const std::string> words) {
  std::vector<std::string> result{"mabeam"};
  bool only_operands = false;
  for (const std::string& word : words) {
    only_operands = only_operands || word == "--";
    const bool marked = !only_operands && looks_like_negative_number(word);
    result.push_back(marked ? kOperandMark + word : word);
  }
  return result;
}

std::string without_mark(std::string word) {
  if (!word.empty() && word.front() == kOperandMark) word.erase(0, 1);
  return word;
}

void add_options(cxxopts::Options& parser, std::span<const Option> options) {
  for (const Option& option : options) {
    const std::string name(option.name);
    if (option.value.empty()) {
      const bool has_letter = name == "help";
      parser.add_options()(has_letter ? "h,help" : name, "", cxxopts::value<bool>());
    } else {
      parser.add_options()(name, "", cxxopts::value<std::string>());
    }
  }
}

// cxxopts writes its quotes as UTF-8; ours are ASCII everywhere.
std::string plain_quotes(std::string text) {
  for (const std::string_view quote : {"\xE2\x80\x98", "\xE2\x80\x99"}) {
    for (std::size_t at = text.find(quote); at != std::string::npos; at = text.find(quote)) {
      text.replace(at, quote.size(), "'");
    }
  }
  return text;
}

// "at least 2 operands" would be true, but a person wants to hear which.
Outcome<void> check_operands(const Command& command, std::size_t given) {
  const OperandCount count = count_operands(command.operands);
  if (given >= count.least && given <= count.most) return {};
  if (given > count.most && count.most == 0) {
    return usage_error("takes no operands, " + std::to_string(given) + " given");
  }
  return usage_error((given < count.least ? "too few operands: " : "too many operands: ") +
                     std::string("takes ") + std::string(command.operands) + ", " +
                     std::to_string(given) + " given");
}

// Nothing when it is unset or empty.
std::string environment_runtime() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the tool is one thread and never changes its environment.
  const char* const name = std::getenv("MABEAM_NAME");
  return name == nullptr ? "" : name;
}

}  // namespace

bool defines(const Command& command, std::string_view option) {
  return std::any_of(command.options.begin(), command.options.end(),
                     [&](const Option& own) { return own.name == option; });
}

OperandCount count_operands(std::string_view operands) {
  OperandCount result;
  std::istringstream words{std::string(operands)};
  for (std::string word; words >> word;) {
    const bool is_optional = word.front() == '[';
    const bool repeats = word.find("...") != std::string::npos;
    if (!is_optional) ++result.least;
    if (repeats) {
      result.most = std::numeric_limits<std::size_t>::max();
    } else {
      ++result.most;
    }
  }
  return result;
}

Outcome<Arguments> Arguments::parse(const Command& command, std::span<const std::string> words) {
  for (const std::string& word : words) {
    if (word == "--") break;
    if (gives_flag_a_value(command.options, word) || gives_flag_a_value(common_options(), word)) {
      return usage_error("Option '" + word.substr(2, word.find('=') - 2) + "' takes no value");
    }
  }
  const std::vector<std::string> marked = mark_negative_numbers(words);
  std::vector<const char*> argv;
  argv.reserve(marked.size());
  for (const std::string& word : marked)
    argv.push_back(word.c_str());

  Arguments result;
  try {
    cxxopts::Options parser{"mabeam"};
    add_options(parser, command.options);
    for (const Option& option : common_options()) {
      if (!defines(command, option.name)) add_options(parser, {&option, 1});
    }
    const cxxopts::ParseResult parsed = parser.parse(static_cast<int>(argv.size()), argv.data());
    for (const cxxopts::KeyValue& given : parsed.arguments()) {
      result.options_.emplace_back(given.key(), without_mark(given.value()));
      if (result.options_.back().second.empty()) {
        return usage_error("Option '" + given.key() + "' needs a value that is not empty");
      }
    }
    for (const std::string& word : parsed.unmatched()) {
      result.operands_.push_back(without_mark(word));
    }
  } catch (const cxxopts::exceptions::exception& error) {
    return usage_error(plain_quotes(error.what()));
  }
  if (result.has("help")) return result;
  if (auto checked = check_operands(command, result.operands_.size()); !checked) {
    return tl::unexpected(checked.error());
  }
  return result;
}

std::optional<std::string_view> Arguments::value(std::string_view option) const {
  const auto found = std::find_if(options_.rbegin(), options_.rend(),
                                  [&](const auto& given) { return given.first == option; });
  if (found == options_.rend()) return std::nullopt;
  return found->second;
}

std::vector<std::string_view> Arguments::values(std::string_view option) const {
  std::vector<std::string_view> result;
  for (const auto& [name, value] : options_) {
    if (name == option) result.emplace_back(value);
  }
  return result;
}

std::optional<std::string_view> Arguments::operand(std::size_t index) const {
  if (index >= operands_.size()) return std::nullopt;
  return operands_[index];
}

std::string Arguments::runtime() const {
  if (!has("runtime") && has("name")) return std::string(*value("name"));
  return runtime_without_name();
}

std::string Arguments::runtime_without_name() const {
  if (const auto given = value("runtime")) return std::string(*given);
  const std::string name = environment_runtime();
  return name.empty() ? "default" : name;
}

bool Arguments::names_runtime() const {
  return has("runtime") || !environment_runtime().empty();
}

Outcome<std::uint64_t> Arguments::number(std::string_view option, std::uint64_t fallback,
                                         std::uint64_t least) const {
  const auto text = value(option);
  if (!text) return fallback;
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc{} || stopped != end || number < least) {
    return usage_error("--" + std::string(option) + " takes a whole number from " +
                       std::to_string(least) + " on, not '" + std::string(*text) + "'");
  }
  return number;
}

Outcome<std::chrono::nanoseconds> Arguments::duration(std::string_view option,
                                                      std::chrono::nanoseconds fallback) const {
  const auto text = value(option);
  if (!text) return fallback;
  const auto parsed = parse_duration(*text);
  if (!parsed) {
    return usage_error("--" + std::string(option) +
                       " takes a duration such as 250ms, 5s or 1m, not '" + std::string(*text) +
                       "'");
  }
  return *parsed;
}

}  // namespace mabeam::tools

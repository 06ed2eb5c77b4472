// Topics and patterns: any two texts, checked and matched as a grammar and a matcher say that are
// plainly right.
//
//   input: a pattern, a byte 0, a topic
#include "shm/topics.hpp"
#include "tests/fuzz/fuzzer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace mabeam;

using Tokens = std::vector<std::string>;

Tokens split(std::string_view text) {
  Tokens tokens(1);
  for (const char c : text) {
    if (c == '.') {
      tokens.emplace_back();
    } else {
      tokens.back() += c;
    }
  }
  return tokens;
}

bool is_word(const std::string& token) {
  for (const char c : token) {
    const auto code = static_cast<unsigned char>(c);
    if (code <= 32 || code == 127 || c == '*' || c == '>') return false;
  }
  return !token.empty();
}

/// The number of the first token that is wrong; 0 if none is, or -1 for the length.
int wrong_token(std::string_view text, bool is_pattern) {
  if (text.empty() || text.size() > 255) return -1;
  const Tokens tokens = split(text);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool is_wildcard = tokens[i] == "*" || (tokens[i] == ">" && i + 1 == tokens.size());
    if (!is_word(tokens[i]) && !(is_pattern && is_wildcard)) return static_cast<int>(i) + 1;
  }
  return 0;
}

void check(const Result<>& checked, int wrong) {
  fuzz::require(checked.has_value() == (wrong == 0), "a check says the opposite of the grammar");
  if (checked) return;
  fuzz::require(checked.error().code == Errc::bad_topic, "a check has another error");
  fuzz::require(checked.error().subject == (wrong < 0 ? 0 : wrong), "another token is named");
}

bool matches(const Tokens& pattern, const Tokens& topic, std::size_t at = 0) {
  if (at == pattern.size() || at == topic.size()) return pattern.size() == topic.size();
  if (pattern[at] == ">") return true;
  return (pattern[at] == "*" || pattern[at] == topic[at]) && matches(pattern, topic, at + 1);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all{reinterpret_cast<const char*>(data), size};
  const std::size_t end = std::min(all.find('\0'), size);
  const std::string pattern{all.substr(0, end)};
  const std::string topic{all.substr(std::min(end + 1, size))};
  check(shm::check_topic(topic), wrong_token(topic, false));
  check(shm::check_pattern(topic), wrong_token(topic, true));
  check(shm::check_pattern(pattern), wrong_token(pattern, true));
  const bool does_match = shm::matches(pattern, topic);  // whatever they are
  if (wrong_token(pattern, true) == 0 && wrong_token(topic, false) == 0) {
    fuzz::require(does_match == matches(split(pattern), split(topic)), "the matchers differ");
  }
  return 0;
}

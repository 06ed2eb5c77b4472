#include "shm/topics.hpp"

#include <cstdint>

namespace mabeam::shm {
namespace {

constexpr std::size_t kMaxTopicBytes = 255;

/// Takes the first token off `rest`; `rest` is without it and its dot.
std::string_view take_token(std::string_view& rest, bool& is_last) {
  const std::size_t dot = rest.find('.');
  is_last = dot == std::string_view::npos;
  const std::string_view token = rest.substr(0, dot);
  rest = is_last ? std::string_view{} : rest.substr(dot + 1);
  return token;
}

bool has_forbidden_byte(std::string_view token) {
  for (const char c : token) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) return true;
  }
  return false;
}

Result<> check(std::string_view text, bool wildcards) noexcept {
  if (text.empty() || text.size() > kMaxTopicBytes) return fail(Errc::bad_topic, 0);
  bool is_last = false;
  for (std::uint16_t number = 1; !is_last; ++number) {
    const std::string_view token = take_token(text, is_last);
    const bool has_wildcard = token.find_first_of("*>") != std::string_view::npos;
    const bool is_wildcard = token == "*" || (token == ">" && is_last);
    if (token.empty() || has_forbidden_byte(token) ||
        (has_wildcard && !(wildcards && is_wildcard))) {
      return fail(Errc::bad_topic, number);
    }
  }
  return {};
}

}  // namespace

Result<> check_topic(std::string_view topic) noexcept {
  return check(topic, false);
}

Result<> check_pattern(std::string_view pattern) noexcept {
  return check(pattern, true);
}

bool matches(std::string_view pattern, std::string_view topic) noexcept {
  bool pattern_ends = false;
  bool topic_ends = false;
  while (!pattern_ends && !topic_ends) {
    const std::string_view wanted = take_token(pattern, pattern_ends);
    if (wanted == ">") return true;
    const std::string_view token = take_token(topic, topic_ends);
    if (wanted != "*" && wanted != token) return false;
  }
  return pattern_ends && topic_ends;
}

}  // namespace mabeam::shm

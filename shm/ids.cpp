#include "mabeam/ids.hpp"

#include <charconv>

namespace mabeam {
namespace {

constexpr std::size_t kDigits = 16;

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

std::string to_string(AgentId id) {
  std::string text(kDigits, '0');
  for (std::size_t i = 0; i < kDigits; ++i) {
    text[i] = "0123456789abcdef"[id.value() >> (60 - 4 * i) & 0xFU];
  }
  return text;
}

std::optional<AgentId> parse_agent_id(std::string_view text) {
  if (text.size() != kDigits) return std::nullopt;
  for (const char c : text) {
    if (!is_hex_digit(c)) return std::nullopt;
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return AgentId{value};
}

}  // namespace mabeam

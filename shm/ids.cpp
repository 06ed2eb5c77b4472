#include "mabeam/ids.hpp"

#include <charconv>

namespace mabeam {
namespace {

constexpr std::size_t kDigits = 16;

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string digits_of(std::uint64_t value) {
  std::string text(kDigits, '0');
  for (std::size_t i = 0; i < kDigits; ++i) {
    text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 0xFU];
  }
  return text;
}

std::optional<std::uint64_t> value_of(std::string_view text) {
  if (text.size() != kDigits) return std::nullopt;
  for (const char c : text) {
    if (!is_hex_digit(c)) return std::nullopt;
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

}  // namespace

std::string to_string(AgentId id) {
  return digits_of(id.value());
}

std::optional<AgentId> parse_agent_id(std::string_view text) {
  const auto value = value_of(text);
  return value ? std::optional{AgentId{*value}} : std::nullopt;
}

std::string to_string(DeadLetterId id) {
  return digits_of(id.value());
}

std::optional<DeadLetterId> parse_dead_letter_id(std::string_view text) {
  const auto value = value_of(text);
  return value ? std::optional{DeadLetterId{*value}} : std::nullopt;
}

}  // namespace mabeam

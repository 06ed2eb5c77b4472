#include "shm/log_field.hpp"

#include "shm/utf8.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace mabeam::shm {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHex[byte >> 4U];
  out += kHex[byte & 15U];
}

/// Escapes the control character at the front of `text`. Its bytes; 0 if there is none.
std::size_t append_control(std::string& out, std::string_view text) {
  const std::size_t length = control_length(text);
  if (length != 0) append_escaped(out, text[length - 1]);
  return length;
}

void append_number(std::string& out, double number) {
  std::array<char, 32> digits{};
  char* const end = digits.data() + digits.size();
  auto written = std::to_chars(digits.data(), end, number, std::chars_format::fixed, 1);
  if (written.ec != std::errc{}) written = std::to_chars(digits.data(), end, number);
  out.append(digits.data(), written.ptr);
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (c <= ' ' || c == '"' || c == '=' || c == 0x7F) return true;
  }
  return false;
}

}  // namespace

LogField::LogField(std::string_view name, double number)
    : key(name),
      value(std::round(number * 10) / 10) {
}

void append_value(std::string& out, const LogField::Value& value, bool always_quotes) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    const bool quotes = always_quotes || needs_quotes(*text);
    if (quotes) out += '"';
    out += escape_json(*text);
    if (quotes) out += '"';
  } else if (const auto* real = std::get_if<double>(&value)) {
    append_number(out, *real);
  } else if (const auto* signed_number = std::get_if<std::int64_t>(&value)) {
    out += std::to_string(*signed_number);
  } else {
    out += std::to_string(std::get<std::uint64_t>(value));
  }
}

std::string escape_json(std::string_view text) {
  std::string out;
  text = text.substr(0, kShownBytes);
  out.reserve(text.size());
  while (!text.empty() && out.size() < kShownBytes) {
    const auto byte = static_cast<unsigned char>(text[0]);
    const std::size_t length = utf8_length(text);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[0];
    } else if (append_control(out, text) == 0) {
      if (length == 0) append_escaped(out, text[0]);
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string render_text(std::string_view message, std::span<const LogField> fields) {
  std::string out;
  while (!message.empty() && out.size() < kShownBytes) {
    const std::size_t control = append_control(out, message);
    if (control == 0) out += message[0];
    message.remove_prefix(control == 0 ? 1 : control);
  }
  for (const LogField& field : fields) {
    out.append(" ").append(field.key).append("=");
    append_value(out, field.value, false);
  }
  return out;
}

}  // namespace mabeam::shm

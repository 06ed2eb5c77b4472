#include "shm/log_field.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace mabeam::shm {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_escaped(std::string& out, unsigned char byte) {
  out += "\\u00";
  out += kHex[byte >> 4U];
  out += kHex[byte & 15U];
}

/// U+0080 to U+009F at the front of `text`, which a terminal may obey.
bool is_c1_control(std::string_view text) {
  return text.size() > 1 && text[0] == '\xC2' && static_cast<unsigned char>(text[1]) >= 0x80 &&
         static_cast<unsigned char>(text[1]) < 0xA0;
}

/// Length of the UTF-8 sequence at the front of `text`; 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  std::size_t length = 0;
  if (lead < 0x80) {
    length = 1;
  } else if (lead >= 0xC2 && lead < 0xE0) {
    length = 2;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    length = 3;
  } else if (lead >= 0xF0 && lead < 0xF5) {
    length = 4;
  }
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 0;
  }
  // Overlong forms, surrogates and what lies above U+10FFFF begin with these pairs.
  const unsigned second = length > 1 ? static_cast<unsigned char>(text[1]) : 0;
  const bool is_wrong = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return is_wrong ? 0 : length;
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
    } else if (byte < 0x20 || byte == 0x7F || length == 0) {
      append_escaped(out, byte);
    } else if (is_c1_control(text)) {
      append_escaped(out, static_cast<unsigned char>(text[1]));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string render_text(std::string_view message, std::span<const LogField> fields) {
  std::string out;
  for (; !message.empty() && out.size() < kShownBytes; message.remove_prefix(1)) {
    const auto byte = static_cast<unsigned char>(message[0]);
    if (byte < 0x20 || byte == 0x7F) {
      append_escaped(out, byte);
    } else if (is_c1_control(message)) {
      append_escaped(out, static_cast<unsigned char>(message[1]));
      message.remove_prefix(1);
    } else {
      out += message[0];
    }
  }
  for (const LogField& field : fields) {
    out.append(" ").append(field.key).append("=");
    append_value(out, field.value, false);
  }
  return out;
}

}  // namespace mabeam::shm

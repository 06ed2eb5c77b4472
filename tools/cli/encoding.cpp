#include "tools/cli/encoding.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace mabeam::tools {

namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint32_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

struct Lead {
  std::size_t length;      // 0: not a lead byte
  std::uint32_t bits;      // its part of the code point
  std::uint32_t smallest;  // the first code point that needs this length
};

Lead decode_lead(std::uint32_t lead) {
  if (lead < 0x80) return {1, lead, 0};
  if ((lead & 0xE0U) == 0xC0) return {2, lead & 0x1FU, 0x80};
  if ((lead & 0xF0U) == 0xE0) return {3, lead & 0x0FU, 0x800};
  if ((lead & 0xF8U) == 0xF0) return {4, lead & 0x07U, 0x10000};
  return {0, 0, 0};
}

// The length of the UTF-8 sequence at `at`, or 0 where there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto [length, bits, smallest] = decode_lead(byte_at(text, at));
  if (length == 0 || at + length > text.size()) return 0;
  std::uint32_t point = bits;
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint32_t next = byte_at(text, at + i);
    if ((next & 0xC0U) != 0x80) return 0;
    point = (point << 6U) | (next & 0x3FU);
  }
  const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
  return point < smallest || point > 0x10FFFF || is_surrogate ? 0 : length;
}

bool is_control(std::string_view text, std::size_t at, std::size_t length) {
  if (length == 1) return byte_at(text, at) < 0x20 || byte_at(text, at) == 0x7F;
  // U+0080 to U+009F: some terminals obey them as they obey ESC.
  return length == 2 && byte_at(text, at) == 0xC2 && byte_at(text, at + 1) < 0xA0;
}

void append_hex(std::string& out, std::uint32_t byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out += "\\x";
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 0xFU];
}

void append_escaped(std::string& out, std::uint32_t byte) {
  switch (byte) {
    case '\n':
      out += "\\n";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\r':
      out += "\\r";
      break;
    default:
      append_hex(out, byte);
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string base64(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = (group << 8U) | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? kBase64[(group >> (18 - 6 * i)) & 0x3FU] : '=';
    }
  }
  return out;
}

std::string hex_dump(std::span<const std::byte> bytes) {
  constexpr std::size_t kRow = 16;
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += kRow) {
    const auto row = bytes.subspan(at, std::min(kRow, bytes.size() - at));
    std::array<char, 32> offset{};
    std::snprintf(offset.data(), offset.size(), "%08zx ", at);
    out += offset.data();
    std::string text;
    for (std::size_t i = 0; i < kRow; ++i) {
      if (i % 8 == 0) out += ' ';
      if (i >= row.size()) {
        out += "   ";
        continue;
      }
      const auto byte = std::to_integer<unsigned char>(row[i]);
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += {kDigits[byte >> 4U], kDigits[byte & 0xFU], ' '};
      text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    out += " |" + text + "|\n";
  }
  return out;
}

std::string one_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) {
      append_hex(out, byte_at(text, at++));
      continue;
    }
    if (is_control(text, at, length)) {
      for (std::size_t i = 0; i < length; ++i)
        append_escaped(out, byte_at(text, at + i));
    } else if (text[at] == '\\') {
      out += "\\\\";
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  return out;
}

}  // namespace mabeam::tools

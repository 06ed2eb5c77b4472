#include "tools/cli/encoding.hpp"

#include "shm/utf8.hpp"

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

// The length of the UTF-8 sequence at `at`, or 0 where there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  return shm::utf8_length(text.substr(at));
}

bool is_control(std::string_view text, std::size_t at) {
  return shm::control_length(text.substr(at)) != 0;
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
    if (is_control(text, at)) {
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

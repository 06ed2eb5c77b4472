#include "tools/top/cells.hpp"

#include "tools/cli/encoding.hpp"

#include <cwchar>

namespace mabeam::tools {

namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
};

/// The first of a text that is not empty. Of what is no UTF-8: 0, which nothing shows.
CodePoint first_point(std::string_view text) {
  const auto byte_of = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
  };
  const char32_t lead = byte_of(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (text.size() < bytes || !is_utf8(text.substr(0, bytes))) return {};
  char32_t value = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i)
    value = value << 6U | (byte_of(i) & 0x3FU);
  return {value, bytes};
}

/// In cells; 0 for what is not shown.
std::size_t width_of_point(char32_t value) {
  if (value < 0x80) return value >= 0x20 && value != 0x7F ? 1 : 0;
  const int width = ::wcwidth(static_cast<wchar_t>(value));
  return width > 0 ? static_cast<std::size_t>(width) : 0;
}

}  // namespace

std::string visible(std::string_view text, Charset charset) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_point(text);
    const bool is_known = charset == Charset::utf8 || point.value < 0x80;
    if (is_known && width_of_point(point.value) != 0) {
      shown += text.substr(0, point.bytes);
    } else {
      shown += '?';
    }
    text.remove_prefix(point.bytes);
  }
  return shown;
}

std::size_t cells_of(std::string_view visible_text) {
  std::size_t cells = 0;
  while (!visible_text.empty()) {
    const CodePoint point = first_point(visible_text);
    cells += width_of_point(point.value);
    visible_text.remove_prefix(point.bytes);
  }
  return cells;
}

std::string cut_to(std::string_view visible_text, std::size_t cells, Charset charset) {
  if (cells_of(visible_text) <= cells) return std::string{visible_text};
  if (cells == 0) return {};
  std::size_t used = 0;
  std::size_t bytes = 0;
  for (;;) {
    const CodePoint point = first_point(visible_text.substr(bytes));
    if (used + width_of_point(point.value) > cells - 1) break;
    used += width_of_point(point.value);
    bytes += point.bytes;
  }
  return std::string{visible_text.substr(0, bytes)} + (charset == Charset::utf8 ? "\u2026" : "~");
}

}  // namespace mabeam::tools

// How bytes of any kind reach JSON and terminals: UTF-8 or not, base64, escapes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace mabeam::tools {

/// Whether the text is UTF-8 as Unicode defines it: no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

/// RFC 4648, with padding.
std::string base64(std::span<const std::byte> bytes);

/// Rows of 16 bytes: offset, hexadecimal, and what is printable as text.
std::string hex_dump(std::span<const std::byte> bytes);

/// One line that a terminal shows and does not obey: control characters and broken UTF-8 become
/// escapes (\n, \t, \x1B), a backslash is doubled.
std::string one_line(std::string_view text);

}  // namespace mabeam::tools

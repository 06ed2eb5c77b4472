// Text as a terminal's cells: what is let through to it, and how wide it is.
//
// Whatever stands in a segment may come here. Nothing that a terminal would obey leaves: what has
// no width of its own (controls, marks that combine, changes of direction) is shown as '?'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mabeam::tools {

/// What the terminal shows. For utf8 the locale's LC_CTYPE must be one of UTF-8: it knows how wide
/// a character is.
enum class Charset : std::uint8_t { ascii, utf8 };

/// Text of which each character is one that a terminal shows, and nothing else.
std::string visible(std::string_view text, Charset charset);

/// How many cells visible text takes.
std::size_t cells_of(std::string_view visible_text);

/// The beginning of visible text that fits; what is cut ends with a mark.
std::string cut_to(std::string_view visible_text, std::size_t cells, Charset charset);

}  // namespace mabeam::tools

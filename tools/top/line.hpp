// Lines of a screen: runs of visible text, each in one paint.
#pragma once

#include "tools/cli/table.hpp"
#include "tools/top/cells.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tools {

/// How text looks. Where there are no colours the tone is lost, so it never tells anything alone.
struct Paint {
  Tone tone = Tone::plain;
  bool is_bold = false;
  bool is_reverse = false;
};

struct Run {
  std::string text;  ///< visible
  Paint paint;
};

using Line = std::vector<Run>;

/// Writes one line, from left to right, and never beyond its width.
class LineWriter {
 public:
  LineWriter(std::size_t width, Charset charset) : width_(width), charset_(charset) {}

  /// Any text. What does not fit is cut, with a mark.
  LineWriter& put(std::string_view text, Paint paint = {});
  /// Blanks up to that column.
  LineWriter& pad_to(std::size_t column, Paint paint = {});

  [[nodiscard]] std::size_t used() const { return used_; }

  [[nodiscard]] std::size_t left() const { return width_ - used_; }

  [[nodiscard]] const Line& line() const { return line_; }

 private:
  std::size_t width_;
  Charset charset_;
  std::size_t used_ = 0;
  Line line_;
};

/// The text of a line without its paint.
std::string text_of(const Line& line);

}  // namespace mabeam::tools

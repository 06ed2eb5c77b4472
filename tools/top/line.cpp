#include "tools/top/line.hpp"

#include <algorithm>
#include <utility>

namespace mabeam::tools {

LineWriter& LineWriter::put(std::string_view text, Paint paint) {
  Run run{cut_to(visible(text, charset_), left(), charset_), paint};
  used_ += cells_of(run.text);
  if (!run.text.empty()) line_.push_back(std::move(run));
  return *this;
}

LineWriter& LineWriter::pad_to(std::size_t column, Paint paint) {
  const std::size_t end = std::min(column, width_);
  if (end > used_) put(std::string(end - used_, ' '), paint);
  return *this;
}

std::string text_of(const Line& line) {
  std::string text;
  for (const Run& run : line)
    text += run.text;
  return text;
}

}  // namespace mabeam::tools

#include "tools/feed/line_source.hpp"

#include <cerrno>
#include <utility>

namespace mabeam::tools {

namespace {

constexpr std::size_t kSourceBytes = std::size_t{64} * 1024;

}  // namespace

LineSource::LineSource(Read read, std::size_t most_bytes)
    : read_(std::move(read)),
      most_bytes_(most_bytes),
      buffer_(kSourceBytes) {
}

bool LineSource::fill() {
  if (error_ != 0) return false;
  const std::ptrdiff_t count = read_(buffer_);
  if (count < 0) error_ = errno == 0 ? EIO : errno;
  if (count <= 0) return false;
  unread_ = {buffer_.data(), static_cast<std::size_t>(count)};
  return true;
}

void LineSource::append(std::string_view piece) {
  const std::size_t room = most_bytes_ - line_.size();
  if (piece.size() > room) is_whole_ = false;
  line_ += piece.substr(0, room);
}

std::optional<TextLine> LineSource::next() {
  line_.clear();
  is_whole_ = true;
  bool has_begun = false;
  for (;;) {
    if (unread_.empty() && !fill()) {
      if (error_ != 0 || !has_begun) return std::nullopt;
      break;
    }
    has_begun = true;
    const std::size_t end = unread_.find('\n');
    append(unread_.substr(0, end));
    if (end != std::string_view::npos) {
      unread_.remove_prefix(end + 1);
      break;
    }
    unread_ = {};
  }
  if (is_whole_ && line_.ends_with('\r')) line_.pop_back();
  return TextLine{line_, ++number_, is_whole_};
}

}  // namespace mabeam::tools

// LineSource: an input of any length as lines, one in memory at a time.
//
// A line over the limit is cut, and the rest of it is read past, so that one line without an end
// does not eat the memory. A line that the input stops in (a stop request, a read error) is not
// handed out: it is not known to be whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tools {

struct TextLine {
  std::string_view text;  ///< without its end ("\n" or "\r\n"); valid until the next line is read
  std::uint64_t number = 0;  ///< from 1 on
  bool is_whole = true;      ///< false: it was over the limit and is cut
};

class LineSource {
 public:
  /// Fills the buffer as read(2) does: 0 at the end, -1 with errno on an error.
  using Read = std::function<std::ptrdiff_t(std::span<char> buffer)>;

  static constexpr std::size_t kMostBytes = std::size_t{1} << 20U;

  explicit LineSource(Read read, std::size_t most_bytes = kMostBytes);

  /// The next line; nothing at the end and after an error.
  std::optional<TextLine> next();

  /// 0, or why reading ended early: EINTR is a stop request.
  [[nodiscard]] int error() const { return error_; }

  /// The longest line handed out whole.
  [[nodiscard]] std::size_t most_bytes() const { return most_bytes_; }

 private:
  bool fill();
  void append(std::string_view piece);

  Read read_;
  std::size_t most_bytes_;
  std::vector<char> buffer_;
  std::string_view unread_;  // the part of the buffer that no line has taken
  std::string line_;
  std::uint64_t number_ = 0;
  bool is_whole_ = true;
  int error_ = 0;
};

}  // namespace mabeam::tools

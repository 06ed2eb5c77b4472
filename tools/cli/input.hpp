// Input: a file named on the command line, or standard input.
#pragma once

#include "tools/cli/failure.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace mabeam::tools {

class Input {
 public:
  /// "-" is standard input. Errors: refused, with the kernel's reason.
  static Outcome<Input> open(std::string_view path);

  Input(Input&& other) noexcept;
  Input& operator=(Input&&) = delete;
  ~Input();

  /// What is there, waiting for at least a byte; 0 at the end, -1 with errno on an error. A stop
  /// request ends the wait with EINTR.
  std::ptrdiff_t read(std::span<char> buffer);

  /// All of it. Errors: refused: unreadable, or over `limit` bytes.
  Outcome<std::string> read_all(std::size_t limit);

  /// "standard input", or the path in quotes.
  [[nodiscard]] const std::string& label() const { return label_; }

 private:
  Input(int descriptor, std::string label);

  int descriptor_;
  std::string label_;
};

}  // namespace mabeam::tools

// PayloadArgument: the operand PAYLOAD of call, send and emit.
#pragma once

#include "tools/cli/failure.hpp"

#include "mabeam/payload.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mabeam::tools {

/// Text stands for itself, @FILE for a file's bytes, - for standard input's; left out, it is empty.
/// What is UTF-8 is sent as text (so that a number may be typed), anything else as bytes.
class PayloadArgument {
 public:
  /// Errors: refused: the file cannot be read, or is larger than any ring takes.
  static Outcome<PayloadArgument> read(std::optional<std::string_view> operand);

  [[nodiscard]] PayloadRef ref() const;

 private:
  PayloadArgument(std::string bytes, Content content);

  std::string bytes_;
  Content content_;
};

}  // namespace mabeam::tools

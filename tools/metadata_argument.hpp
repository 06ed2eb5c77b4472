// MetadataArgument: the option --metadata of create and update.
#pragma once

#include "tools/cli/command_line.hpp"
#include "tools/cli/payload_argument.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mabeam::tools {

inline constexpr Option kMetadataOption{
    "metadata", "TEXT", "what is noted of each, beside its state: text or @FILE, up to 255 bytes"};

class MetadataArgument {
 public:
  /// Left out, it is empty. Errors: usage (over 255 bytes, or a byte is 0), refused (no such file).
  static Outcome<MetadataArgument> read(std::optional<std::string_view> value);

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  explicit MetadataArgument(std::string_view text) : text_(text) {}

  std::string text_;
};

}  // namespace mabeam::tools

// TopicTemplate: 'pkg.{Section}', from which each record gets its topic.
//
// {NAME} stands for a field of the record as one token: whitespace, control characters and what has
// a meaning in topics ('.', '*', '>') become '_'. A field that is missing or empty becomes "none",
// so that such records can be subscribed to as well. {{ and }} are braces.
#pragma once

#include "tools/cli/failure.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tools {

class TopicTemplate {
 public:
  using Lookup = std::function<std::optional<std::string>(std::string_view field)>;

  /// Errors: usage: a brace without its other, an empty name, or no topic whatever the fields are.
  static Outcome<TopicTemplate> parse(std::string_view text);

  [[nodiscard]] std::string topic(const Lookup& lookup) const;
  /// The names between braces, in order.
  [[nodiscard]] std::vector<std::string> fields() const;

 private:
  struct Part {
    std::string text;  // literal text, or a field's name
    bool is_field;
  };

  std::vector<Part> parts_;
};

/// A field's value as one token of a topic; "none" when there is nothing in it.
std::string topic_token(std::string_view value);

}  // namespace mabeam::tools

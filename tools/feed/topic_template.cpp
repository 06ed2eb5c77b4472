#include "tools/feed/topic_template.hpp"

#include "tools/cli/encoding.hpp"

#include <utility>

namespace mabeam::tools {

namespace {

constexpr std::string_view kMissing = "none";

bool is_blank_or_control(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return byte <= 0x20 || byte == 0x7F;
}

bool breaks_token(char letter) {
  return is_blank_or_control(letter) || letter == '.' || letter == '*' || letter == '>';
}

tl::unexpected<Failure> bad_template(std::string_view text, const std::string& why) {
  return usage_error("the template '" + one_line(text) + "' " + why);
}

// What is wrong with a topic as the template makes it; nothing if it can be right.
std::string fault_of(std::string_view topic) {
  if (topic.empty()) return "is empty";
  for (const char letter : topic) {
    if (letter != '.' && breaks_token(letter)) {
      return "has '" + one_line({&letter, 1}) + "' in it, which no topic may have";
    }
  }
  const bool has_empty_token =
      topic.starts_with('.') || topic.ends_with('.') || topic.find("..") != std::string_view::npos;
  return has_empty_token ? "has an empty token" : "";
}

}  // namespace

std::string topic_token(std::string_view value) {
  const auto is_blank = [](char letter) { return letter == ' ' || letter == '\t'; };
  while (!value.empty() && is_blank(value.front()))
    value.remove_prefix(1);
  while (!value.empty() && is_blank(value.back()))
    value.remove_suffix(1);
  if (value.empty()) return std::string(kMissing);
  std::string token(value);
  for (char& letter : token) {
    if (breaks_token(letter)) letter = '_';
  }
  return token;
}

Outcome<TopicTemplate> TopicTemplate::parse(std::string_view text) {
  TopicTemplate result;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) result.parts_.push_back({std::exchange(literal, {}), false});
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    const bool is_brace = letter == '{' || letter == '}';
    if (!is_brace) {
      literal += letter;
    } else if (text.substr(at + 1).starts_with(letter)) {
      literal += letter;
      ++at;
    } else if (letter == '}') {
      return bad_template(text, "has a } without its { (write }} for a brace)");
    } else {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos) {
        return bad_template(text, "has a { without its } (write {{ for a brace)");
      }
      if (end == at + 1) return bad_template(text, "has {} without a field's name in it");
      end_literal();
      result.parts_.push_back({std::string(text.substr(at + 1, end - at - 1)), true});
      at = end;
    }
  }
  end_literal();
  const std::string fault = fault_of(result.topic([](auto) { return std::nullopt; }));
  if (!fault.empty()) return bad_template(text, fault);
  return result;
}

std::string TopicTemplate::topic(const Lookup& lookup) const {
  std::string result;
  for (const Part& part : parts_) {
    result += part.is_field ? topic_token(lookup(part.text).value_or("")) : part.text;
  }
  return result;
}

std::vector<std::string> TopicTemplate::fields() const {
  std::vector<std::string> result;
  for (const Part& part : parts_) {
    if (part.is_field) result.push_back(part.text);
  }
  return result;
}

}  // namespace mabeam::tools

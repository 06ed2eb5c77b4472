// What a row of the table says in words: names, what is allowed, the value held.
#include "supervisor/config_keys.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>

namespace mabeam::supervisor {
namespace {

char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// A TOML string; values never hold control characters, so that two escapes are enough.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

/// One end of a range, as it may be written.
std::string end_text(ValueKind kind, std::int64_t value) {
  switch (kind) {
    case ValueKind::size:
    case ValueKind::size_or_percent:
      return in_quotes(format_size(static_cast<std::uint64_t>(value)));
    case ValueKind::time:
      return in_quotes(format_time(std::chrono::nanoseconds{value}));
    default:
      return std::to_string(value);
  }
}

std::string range_text(const ValueRule& rule) {
  std::string text;
  if (!rule.range.zero.empty()) {
    text = end_text(rule.kind, 0).append(" (").append(rule.range.zero).append("), or ");
  }
  text += end_text(rule.kind, rule.range.min) + " to " + end_text(rule.kind, rule.range.max);
  return rule.range.power_of_two ? text + ", a power of two" : text;
}

/// `"a", "b" or "c"`
std::string choices_text(std::span<const std::string_view> choices) {
  std::string text;
  for (const auto& choice : choices) {
    if (!text.empty()) text += &choice == &choices.back() ? " or " : ", ";
    text += in_quotes(choice);
  }
  return text;
}

/// The value of one field as TOML; one overload for each type of Target.
struct ValueText {
  const KeyInfo& key;

  std::string operator()(bool value) const { return value ? "true" : "false"; }

  std::string operator()(double value) const {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), end};
  }

  std::string operator()(std::int32_t value) const { return std::to_string(value); }

  std::string operator()(std::uint32_t value) const { return std::to_string(value); }

  std::string operator()(std::uint64_t value) const { return in_quotes(format_size(value)); }

  std::string operator()(std::chrono::nanoseconds value) const {
    return in_quotes(format_time(value));
  }

  std::string operator()(const std::string& value) const { return in_quotes(value); }

  std::string operator()(const std::vector<std::string>& values) const {
    std::string text = "[";
    for (const auto& value : values)
      text.append(text == "[" ? "" : ", ").append(in_quotes(value));
    return text += "]";
  }

  std::string operator()(const std::vector<std::uint32_t>& cpus) const {
    return in_quotes(format_cpu_list(cpus));
  }

  std::string operator()(Rate value) const {
    return "{rate = " + std::to_string(value.rate) + ", burst = " + std::to_string(value.burst) +
           (value.is_shadow ? ", shadow = true}" : "}");
  }

  std::string operator()(SizeOrPercent value) const {
    return in_quotes(format_size_or_percent(value));
  }

  template <class T>
  std::string operator()(const std::optional<T>& value) const {
    return value ? (*this)(*value) : std::string{key.default_text};
  }

  template <class Enum>

  requires std::is_enum_v<Enum> std::string operator()(Enum value) const {
    return in_quotes(key.rule.choices[static_cast<std::size_t>(value)]);
  }
};

}  // namespace

std::string KeyInfo::full_name() const {
  return std::string{section}.append(".").append(key);
}

std::string KeyInfo::environment_name() const {
  std::string name = std::string{"MABEAM_"}.append(section).append("_").append(key);
  std::transform(name.begin(), name.end(), name.begin(), to_upper);
  return name;
}

bool KeyInfo::is_computed() const noexcept {
  return std::holds_alternative<Field<std::optional<std::uint32_t>>>(target) ||
         std::holds_alternative<Field<std::optional<std::uint64_t>>>(target);
}

const KeyInfo* find_key(std::string_view section, std::string_view key) noexcept {
  for (const KeyInfo& info : describe_config()) {
    if (info.section == section && info.key == key) return &info;
  }
  return nullptr;
}

std::string allowed_text(const KeyInfo& key) {
  switch (key.rule.kind) {
    case ValueKind::boolean:
      return "true or false";
    case ValueKind::integer:
    case ValueKind::size:
    case ValueKind::time:
      return range_text(key.rule);
    case ValueKind::choice:
      return choices_text(key.rule.choices);
    case ValueKind::name:
      return "1 to 32 of a to z, 0 to 9, _ and -, the first a letter or a digit";
    case ValueKind::path:
      return "a path of at most " + std::to_string(kPathBytesMax) + " bytes";
    case ValueKind::paths:
      return "an array of at most " + std::to_string(kModulesMax) +
             R"( paths, such as ["a.so", "b.so"])";
    case ValueKind::cpus:
      return R"(a list of CPUs such as "0-3,5", each under )" + std::to_string(kCpuCountMax) +
             R"(, or "")";
    case ValueKind::address:
      return R"(ADDRESS:PORT such as "127.0.0.1:9464" or "[::1]:9464", or unix:PATH)";
    case ValueKind::rate:
      return "a table such as {rate = 100, burst = 10}, both " + range_text(key.rule);
    case ValueKind::size_or_percent:
      return range_text(key.rule) + R"(, or "1%" to "100%")";
    case ValueKind::fraction:
      return "0 to 1";
  }
  return {};
}

std::string value_text(const KeyInfo& key, const Config& config) {
  return std::visit([&](const auto& field) { return ValueText{key}(field.get(config)); },
                    key.target);
}

bool is_same_value(const KeyInfo& key, const Config& one, const Config& other) {
  return std::visit([&](const auto& field) { return field.get(one) == field.get(other); },
                    key.target);
}

std::string_view reload_text(Reload reload) noexcept {
  switch (reload) {
    case Reload::now:
      return "now";
    case Reload::rolling:
      return "rolling";
    case Reload::restart:
      return "restart";
    case Reload::none:
      break;
  }
  return "none";
}

}  // namespace mabeam::supervisor

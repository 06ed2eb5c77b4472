// The two ways in: a file's TOML, and the bare text of a variable or a flag.
#include "supervisor/config_assign.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace mabeam::supervisor {
namespace {

void read_section(const std::string& section, const toml::table& table, const Place& file,
                  Draft& draft) {
  for (const auto& [key, node] : table) {
    const auto* info = find_key(section, key.str());
    if (info) {
      assign(*info, node, moved_to(file, node.source()), draft);
    } else {
      draft.refuse(moved_to(file, key.source()), unknown_key_text(section, key.str()));
    }
  }
}

bool is_section(std::string_view name) {
  for (const KeyInfo& key : describe_config()) {
    if (key.section == name) return true;
  }
  return false;
}

std::string not_a_table_text(const std::string& section, const toml::node& node) {
  std::string text = section;
  text.append(" = ").append(shown(node));
  return text.append(": allowed is a table, [").append(section).append("]");
}

void read_root(const toml::table& root, const Place& file, Draft& draft) {
  for (const auto& [key, node] : root) {
    const std::string section{key.str()};
    const auto place = moved_to(file, key.source());
    if (is_section(section)) {
      if (const auto* table = node.as_table()) {
        read_section(section, *table, file, draft);
      } else {
        draft.refuse(place, not_a_table_text(section, node));
      }
    } else if (node.is_table()) {
      draft.refuse(place, unknown_section_text(section));
    } else {
      draft.refuse(place, unknown_key_text("", section));
    }
  }
}

/// toml++ 3.3 builds a table for each segment of a.b.c and destroys them by recursion: a hundred
/// thousand of them overflow the stack. Each needs a dot, and there is no deeper way to nest.
constexpr std::ptrdiff_t kDotsMax = 4096;

std::ptrdiff_t count_dots(std::string_view text) {
  std::ptrdiff_t dots = 0;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    const bool is_comment =
        line.substr(std::min(line.find_first_not_of(" \t"), line.size())).starts_with('#');
    if (!is_comment) dots += std::count(line.begin(), line.end(), '.');
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return dots;
}

/// What toml++ has to say, which may quote what it was given.
std::string reason(const toml::parse_error& error) {
  constexpr std::size_t kReasonBytesMax = 300;
  return printable(error.description(), kReasonBytesMax);
}

/// The TOML text `value`, alone in a table under "value".
toml::table parse_value(std::string_view value) {
  return toml::parse("value = " + std::string{value});
}

template <class T>
toml::table table_of(T&& value) {
  return toml::table{{"value", std::forward<T>(value)}};
}

template <class Number>
toml::table table_of_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole ? table_of(number) : table_of(std::string{text});
}

toml::table table_of_paths(std::string_view text) {
  toml::array paths;
  if (!text.empty()) paths.push_back(std::string{text});
  return table_of(std::move(paths));
}

/// The value that a key's bare text stands for. Throws toml::parse_error.
toml::table interpret(ValueKind kind, std::string_view text) {
  const bool is_toml = text.starts_with('[') || text.starts_with('{');
  switch (kind) {
    case ValueKind::boolean:
      if (text == "true" || text == "false") return table_of(text == "true");
      break;
    case ValueKind::integer:
      return table_of_number<std::int64_t>(text);
    case ValueKind::fraction:
      return table_of_number<double>(text);
    case ValueKind::paths:
      return is_toml ? parse_value(text) : table_of_paths(text);
    case ValueKind::rate:
      if (is_toml) return parse_value(text);
      break;
    default:
      break;
  }
  return table_of(std::string{text});
}

}  // namespace

void read_toml(std::string_view text, const std::string& file, Draft& draft) {
  const Place place{.origin = Origin::file, .label = file};
  if (count_dots(text) > kDotsMax) {
    return draft.refuse(place, "has more than " + std::to_string(kDotsMax) +
                                   " dots outside comment lines; no configuration needs as many");
  }
  try {
    read_root(toml::parse(text), place, draft);
  } catch (const toml::parse_error& error) {
    draft.refuse(moved_to(place, error.source()), reason(error));
  }
}

void read_text(const KeyInfo& key, std::string_view text, const Place& place, Draft& draft) {
  const std::string found = key.full_name() + " = \"" + printable(text) + '"';
  try {
    const auto table = interpret(key.rule.kind, text);
    if (table.size() != 1) return draft.refuse(place, found + ": allowed is one value");
    assign(key, *table.get("value"), place, draft);
  } catch (const toml::parse_error& error) {
    draft.refuse(place, found + ": " + reason(error));
  }
}

}  // namespace mabeam::supervisor

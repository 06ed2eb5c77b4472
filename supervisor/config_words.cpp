// The words of messages: places, foreign text made printable, and what a misspelt key may mean.
#include "supervisor/config_draft.hpp"

#include <algorithm>
#include <numeric>

namespace mabeam::supervisor {
namespace {

/// No key is longer; a longer name is not worth guessing at.
constexpr std::size_t kGuessedBytesMax = 40;

/// Levenshtein's distance: the fewest characters to insert, drop or replace.
std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (const char c : one) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (c == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// A guess is offered when at most a third of the name, or two characters, would change.
bool is_close(std::size_t distance, std::string_view name) {
  return distance <= std::max<std::size_t>(2, name.size() / 3);
}

/// How far a row is from what was written: the right key in a wrong section is one step away.
std::size_t distance_to(const KeyInfo& info, std::string_view section, std::string_view key) {
  return edit_distance(key, info.key) + (info.section == section ? 0 : 1);
}

std::string quoted_name(std::string_view section, std::string_view key) {
  return section.empty() ? printable(key) : printable(section) + "." + printable(key);
}

}  // namespace

std::string Place::text() const {
  if (line == 0) return label;
  return label + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string unknown_key_text(std::string_view section, std::string_view key) {
  std::string text = "unknown key " + quoted_name(section, key);
  if (key.size() > kGuessedBytesMax) return text;
  const auto keys = describe_config();
  const auto nearest =
      std::min_element(keys.begin(), keys.end(), [&](const KeyInfo& one, const KeyInfo& other) {
        return distance_to(one, section, key) < distance_to(other, section, key);
      });
  if (!is_close(distance_to(*nearest, section, key), key)) return text;
  return text + "; did you mean " + nearest->full_name() + "?";
}

std::string unknown_section_text(std::string_view section) {
  std::string text = "unknown section [" + printable(section) + "]";
  if (section.size() > kGuessedBytesMax) return text;
  const auto keys = describe_config();
  const auto nearest =
      std::min_element(keys.begin(), keys.end(), [&](const KeyInfo& one, const KeyInfo& other) {
        return edit_distance(section, one.section) < edit_distance(section, other.section);
      });
  if (!is_close(edit_distance(section, nearest->section), section)) return text;
  return text + "; did you mean [" + std::string{nearest->section} + "]?";
}

std::string printable(std::string_view text, std::size_t shown_bytes_max) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, shown_bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out.append("\\x").append({kHex[byte >> 4U], kHex[byte & 15U]});
    }
  }
  return text.size() > shown_bytes_max ? out + "..." : out;
}

}  // namespace mabeam::supervisor

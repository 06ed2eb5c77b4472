// Draft: a configuration while it is being read, with what is wrong with it so far and where each
// value came from.
//
// The steps, in this order; a later one wins over an earlier one:
//
//   read_toml    the file
//   read_text    each environment variable, then each flag
//   check_rules  what no single key can know: settings that contradict each other
#pragma once

#include "supervisor/config_keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::supervisor {

/// In the order in which people want to read their mistakes.
enum class Origin : std::uint8_t { file, environment, flag };

/// Where a value was written: what every message begins with.
struct Place {
  Origin origin = Origin::file;
  std::string label;         ///< the file, the variable or the flag
  std::uint32_t line = 0;    ///< from 1; 0 outside files
  std::uint32_t column = 0;  ///< from 1, in characters

  /// "mabeam.toml:3:11" or "--name"
  [[nodiscard]] std::string text() const;
};

struct Problem {
  Place place;
  std::string text;
};

/// What is known of one key.
struct Setting {
  std::optional<Place> place;  ///< who set it last; nothing: it holds its default
  bool is_refused = false;     ///< its last value was not taken, so it must not be compared
};

struct Draft {
  Config config;
  std::vector<Problem> problems;
  std::vector<Setting> settings = std::vector<Setting>(describe_config().size());

  Setting& setting(const KeyInfo& key) {
    return settings[static_cast<std::size_t>(&key - describe_config().data())];
  }

  void refuse(Place place, std::string text) {
    problems.push_back({std::move(place), std::move(text)});
  }
};

/// Takes every value of a file's text.
void read_toml(std::string_view text, const std::string& file, Draft& draft);

/// Takes one value as the environment and flags write it: strings bare; modules a single path or a
/// TOML array; rates a TOML table.
void read_text(const KeyInfo& key, std::string_view text, const Place& place, Draft& draft);

/// Refuses what contradicts itself.
void check_rules(Draft& draft);

/// "unknown key runtime.worker; did you mean runtime.workers?"
std::string unknown_key_text(std::string_view section, std::string_view key);

/// "unknown section [runtim]; did you mean [runtime]?"
std::string unknown_section_text(std::string_view section);

/// Foreign text fit for one line of a message: anything unprintable as \xNN, and no more than a
/// message can bear.
std::string printable(std::string_view text, std::size_t shown_bytes_max = 60);

}  // namespace mabeam::supervisor

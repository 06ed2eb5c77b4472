// examples/mabeam.toml says what the code does: every key, its default, and what is not obeyed yet.
#include "supervisor/config_keys.hpp"
#include "tests/supervisor/config_support.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace mabeam::supervisor {
namespace {

std::string example_text() {
  std::ifstream file{MABEAM_SOURCE_DIR "/examples/mabeam.toml"};
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(ConfigExample, ChangesNothingAsItIs) {
  const auto config = good(example_text());
  EXPECT_FALSE(example_text().empty());
  for (const auto& key : describe_config())
    EXPECT_TRUE(is_same_value(key, config, Config{}));
}

/// The example with every key set, and the names of those keys.
std::pair<std::string, std::set<std::string>> uncommented_example() {
  std::istringstream lines{example_text()};
  std::string text;
  std::string section;
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const bool is_setting = line.size() > 1 && line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
    if (is_setting) line.erase(0, 1);
    if (is_setting) names.insert(section + "." + line.substr(0, line.find(' ')));
    if (line.starts_with('[')) section = line.substr(1, line.size() - 2);
    text += line + "\n";
  }
  return {text, names};
}

TEST(ConfigExample, HasEveryKeyWithItsDefault) {
  const auto [text, names] = uncommented_example();
  const auto config = good(text);
  for (const auto& key : describe_config()) {
    EXPECT_TRUE(names.contains(key.full_name())) << key.full_name();
    EXPECT_TRUE(key.is_computed() || is_same_value(key, config, Config{})) << key.full_name();
  }
}

/// What stands before a key, from its paragraph's beginning on.
std::string words_before(const KeyInfo& key) {
  const auto text = example_text();
  const auto at = text.find("\n#" + std::string{key.key} + " = ",
                            text.find("\n[" + std::string{key.section} + "]"));
  const auto paragraph = text.substr(0, at).rfind("\n\n");
  return text.substr(paragraph, at - paragraph);
}

TEST(ConfigExample, SaysWhatAChangeTakes) {
  for (const auto& key : describe_config()) {
    if (key.reload == Reload::none) continue;
    const std::string word = "(" + std::string{reload_text(key.reload)};
    EXPECT_NE(words_before(key).find(word), std::string::npos) << key.full_name();
  }
}

}  // namespace
}  // namespace mabeam::supervisor

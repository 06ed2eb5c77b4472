// The configuration, key by key: a manual page and a page of the documentation.
#include "supervisor/config_keys.hpp"

#include "packaging/generate/pages.hpp"
#include "packaging/generate/roff.hpp"

#include <algorithm>

namespace mabeam::packaging {

namespace {

using supervisor::KeyInfo;
using supervisor::Reload;

constexpr std::string_view kIntroduction =
    "A TOML file. A command-line flag wins over the environment, which wins over the file, which "
    "wins over the default. The environment has a variable for each key: "
    "MABEAM_RUNTIME_WORKERS=4 is workers = 4 of [runtime]. An unknown key, or a value out of "
    "range, is an error with file, line and column (exit 78).";
constexpr std::string_view kUnits =
    R"(Sizes are "64KiB", "256MiB", "4GiB" or plain bytes; times are "50us", "250ms", "10s", "5m", "24h".)";

constexpr std::string_view kChanges =
    "What a change takes: **now**, a reload (`mabeam reload`, SIGHUP); **rolling**, the same, and "
    "the workers are restarted one by one; **restart**, a restart of the runtime, since the key "
    "shapes the segment; **none**, nothing: other programs read it when they start.";

constexpr std::string_view what_it_takes(Reload reload) {
  switch (reload) {
    case Reload::now:
      return "in force at a reload";
    case Reload::rolling:
      return "at a reload, which restarts the workers one by one";
    case Reload::restart:
      return "needs a restart of the runtime";
    case Reload::none:
      break;
  }
  return "read by other programs, each at its start";
}

/// A bar would end the cell, a tag would vanish.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

/// In lines of up to 120 characters, as the other pages are.
std::string wrapped(std::string_view text) {
  constexpr std::size_t kWidth = 120;
  std::string out;
  while (text.size() > kWidth) {
    const std::size_t end = text.rfind(' ', kWidth);
    out.append(text.substr(0, end)).append("\n");
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

std::string code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

/// Each section once, in the table's order.
std::vector<std::string_view> sections() {
  std::vector<std::string_view> names;
  for (const KeyInfo& key : supervisor::describe_config())
    if (std::find(names.begin(), names.end(), key.section) == names.end())
      names.push_back(key.section);
  return names;
}

std::string default_of(const KeyInfo& key) {
  return key.is_computed() ? cell(key.default_text) : code(cell(key.default_text));
}

std::string row(const KeyInfo& key) {
  return "| " + code(key.key) + " | " + default_of(key) + " | " + cell(allowed_text(key)) + " | " +
         std::string(reload_text(key.reload)) + " | " + cell(key.help) + " |\n";
}

}  // namespace

std::string configuration_manual() {
  Roff page("MABEAM.TOML", "5");
  page.name("mabeam.toml", "configuration of a mabeam runtime");
  page.section("DESCRIPTION");
  page.paragraph(kIntroduction);
  page.paragraph(kUnits);
  page.paragraph("mabeam-supervisor --config FILE --check says whether a file is right.");
  for (const std::string_view section : sections()) {
    page.section("[" + std::string(section) + "]");
    for (const KeyInfo& key : supervisor::describe_config()) {
      if (key.section != section) continue;
      page.item(key.key, "= " + std::string(key.default_text),
                std::string(key.help) + ". Allowed: " + allowed_text(key) + ". " +
                    key.environment_name() + "; " + std::string(what_it_takes(key.reload)) + ".");
    }
  }
  page.section("SEE ALSO");
  page.paragraph("mabeam-supervisor(8), mabeam(1)");
  return page.text();
}

std::string configuration_page() {
  std::string text =
      "# Configuration\n\n"
      "Made from the table that parses it (`packaging/generate`): change that, not this page.\n"
      "[examples/mabeam.toml](../examples/mabeam.toml) has every key with its default, to "
      "copy.\n\n";
  text.append(wrapped(kIntroduction)).append("\n\n").append(kUnits).append("\n\n");
  text.append(wrapped(kChanges)).append("\n");
  for (const std::string_view section : sections()) {
    text += "\n## [" + std::string(section) +
            "]\n\n| key | default | allowed | change | what it is |\n" +
            "| --- | --- | --- | --- | --- |\n";
    for (const KeyInfo& key : supervisor::describe_config())
      if (key.section == section) text += row(key);
  }
  return text;
}

}  // namespace mabeam::packaging

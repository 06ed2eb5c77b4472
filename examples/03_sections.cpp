// What tools/demo runs: one agent for each section of Debian's package database. An agent counts
// the packages of its section, which come as events (one for each package, with the package's
// paragraph of /var/lib/dpkg/status as payload), and adds up their installed size.
//
//   mabeam create --type section --name section-libs --subscribe pkg.libs
//   mabeam feed --format deb822 --topic 'pkg.{Section}' /var/lib/dpkg/status
//   mabeam call section-libs get           -> 347 461002
#include "mabeam/agent.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

// The number behind "Installed-Size:", in KiB; 0 where there is none, as for a package that was
// removed and has left its configuration.
std::int64_t installed_kib(std::string_view paragraph) {
  constexpr std::string_view kField = "Installed-Size:";
  std::size_t begin = paragraph.starts_with(kField) ? 0 : paragraph.find("\nInstalled-Size:");
  if (begin == std::string_view::npos) return 0;
  if (begin != 0) ++begin;
  std::string_view value = paragraph.substr(begin + kField.size());
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  std::int64_t kib = 0;
  std::from_chars(value.data(), value.data() + value.size(), kib);
  return kib;
}

}  // namespace

struct Section {
  static constexpr mabeam::AgentType type{.name = "section"};

  struct State {
    std::int64_t packages = 0;
    std::int64_t size_kib = 0;
  };

  mabeam::Result<> on_event(mabeam::Context& /*context*/, State& state,
                            const mabeam::Event& event) const {
    ++state.packages;
    state.size_kib += installed_kib(event.payload().text());
    return {};
  }

  mabeam::Result<std::string> on_action(mabeam::Context& /*context*/, State& state,
                                        const mabeam::Action& action) const {
    if (action.name() != "get") return mabeam::fail(mabeam::Errc::unknown_action);
    return std::to_string(state.packages) + " " + std::to_string(state.size_kib);
  }
};

MABEAM_MODULE(Section)

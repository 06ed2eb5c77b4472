// Reading configurations in tests: never from this machine's environment, always with 64 cores
// unless a test says otherwise.
#pragma once

#include "supervisor/config.hpp"
#include "supervisor/config_keys.hpp"

#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::supervisor {

using Environment = std::map<std::string, std::string>;
using Messages = std::vector<std::string>;

inline ConfigSources sources_with(Environment environment, std::vector<Override> overrides = {}) {
  const auto get = [environment = std::move(environment)](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  return {.overrides = std::move(overrides), .environment = get, .cores = 64};
}

/// The configuration in `text`, which has to be good.
inline Config good(std::string_view text, const ConfigSources& sources = sources_with({})) {
  auto config = parse_config(text, "mabeam.toml", sources);
  if (config) return *config;
  for (const auto& message : config.error().messages)
    ADD_FAILURE() << message;
  return {};
}

/// What is wrong with `text`; nothing when it is good.
inline Messages errors(std::string_view text, const ConfigSources& sources = sources_with({})) {
  const auto config = parse_config(text, "mabeam.toml", sources);
  return config ? Messages{} : config.error().messages;
}

inline std::ostream& operator<<(std::ostream& out, const KeyInfo& key) {
  return out << key.full_name();
}

}  // namespace mabeam::supervisor

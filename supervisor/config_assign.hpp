// From a TOML value to a field of Config, checked: the only writer of Config's fields.
#pragma once

#include "supervisor/config_draft.hpp"

// toml++ 3.3 asserts where "[[[" should be a parse error (marzer/tomlplusplus#301), which would let
// a bad file abort a supervisor that reloads. Without its assertions it reports that error itself.
// NOLINTNEXTLINE(readability-identifier-naming): the name is toml++'s
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

namespace mabeam::supervisor {

/// Stores the value of `node` if the key's rule allows it; otherwise leaves the field as it is and
/// refuses, in the value's place or in that of the part of it that is wrong.
void assign(const KeyInfo& key, const toml::node& node, const Place& place, Draft& draft);

/// `place` moved to another part of the same source, where that has lines.
Place moved_to(const Place& place, const toml::source_region& region);

/// "500", "\"text\"", "an array": what was found, for a message.
std::string shown(const toml::node& node);

}  // namespace mabeam::supervisor

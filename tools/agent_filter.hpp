// The options by which a command is told of many agents at once.
#pragma once

#include "tools/cli/arguments.hpp"

#include "mabeam/observer.hpp"

namespace mabeam::tools {

inline constexpr Option kTypeOption{"type", "T", "all agents of a type"};
inline constexpr Option kCapabilityOption{"capability", "C", "all agents with a capability"};
inline constexpr Option kMatchOption{
    "match", "PATTERN", "all agents whose name matches: * is any text, ? any one byte"};

/// One of the three was given.
bool has_filter(const Arguments& arguments);
AgentFilter filter_in(const Arguments& arguments);

}  // namespace mabeam::tools

#include "tools/agent_filter.hpp"

#include <algorithm>
#include <array>

namespace mabeam::tools {

bool has_filter(const Arguments& arguments) {
  constexpr std::array kOptions{kTypeOption, kCapabilityOption, kMatchOption};
  return std::any_of(kOptions.begin(), kOptions.end(),
                     [&](const Option& option) { return arguments.has(option.name); });
}

AgentFilter filter_in(const Arguments& arguments) {
  AgentFilter filter;
  filter.type = arguments.value("type").value_or("");
  filter.capability = arguments.value("capability").value_or("");
  filter.name = arguments.value("match").value_or("");
  return filter;
}

}  // namespace mabeam::tools

// The example configuration, which has every key with its default and what it is for.
#pragma once

#include <string_view>

namespace mabeam::tools::config {

/// examples/mabeam.toml; a file that CMake makes holds it.
extern const std::string_view kText;

/// "[worker]" and what stands in it; empty if there is no such section.
std::string_view section(std::string_view name);

}  // namespace mabeam::tools::config

#pragma once

#include <string>

namespace mabeam::bench {

// A segment's name that no other benchmark of this machine, and no other segment of this one, has.
[[nodiscard]] std::string unique_name();

}  // namespace mabeam::bench

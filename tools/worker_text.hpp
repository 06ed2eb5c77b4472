// WorkerText: a worker's state and last exit as tables show them.
#pragma once

#include "tools/cli/table.hpp"

#include "mabeam/observer.hpp"

#include <optional>
#include <string>

namespace mabeam::tools {

Tone tone_of(WorkerState state);

/// "signal 9, 3 s ago", or "-".
std::string exit_text(const std::optional<ExitView>& exit);

}  // namespace mabeam::tools

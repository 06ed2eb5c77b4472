// The screen of `mabeam top`: looks at the runtime again and again, and does what keys say.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/top/terminal.hpp"

#include <chrono>
#include <string>

namespace mabeam::tools {

/// Until somebody quits, or a stop is requested (stop_signal.hpp). A runtime that is gone is waited
/// for. Errors: as look_at(), of the first look.
Outcome<Exit> run_screen(Terminal& terminal, const std::string& runtime, TopLook first,
                         std::chrono::nanoseconds interval);

}  // namespace mabeam::tools

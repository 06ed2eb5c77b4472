// Segments that nobody will ever use: one that a supervisor was killed while building, one that it
// was killed while removing. Each holds a runtime's whole memory until a supervisor of the same
// name is started, which may be never; so any supervisor of the same user takes them away.
//
// A segment that is whole is none of them, whoever has died: it is recovered by the next start.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace mabeam::supervisor {

/// Removes them from that folder. One that was changed less than `age` ago, or that somebody has
/// locked, is left alone: its supervisor may be at it. Returns the names of the files.
std::vector<std::string> remove_stale_segments(const std::string& folder, std::chrono::seconds age);

}  // namespace mabeam::supervisor

// Discarding: what --discard does to a segment, and what is done to one that was left half removed.
//
// A segment whose lock is held is never discarded: its supervisor lives, be it of another build.
// The workers of a segment that can be read are killed first, so that none of them writes to what
// nobody sees; those of one that cannot leave by themselves when they miss their supervisor.
#pragma once

#include "supervisor/exit_code.hpp"

#include <optional>
#include <string>

namespace mabeam::supervisor {

/// Removes a runtime that has no supervisor, whatever is in its segment. Nothing if it is gone.
std::optional<Refusal> discard_runtime(const std::string& name);

/// Takes away a name that nobody holds. Waits a moment for its holder to do so.
std::optional<Refusal> discard_unlocked(const std::string& name);

}  // namespace mabeam::supervisor

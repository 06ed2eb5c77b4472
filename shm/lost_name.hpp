// LostName: a runtime that runs, and whose segment has not its name any more: somebody has removed
// it from /dev/shm (logind does, RemoveIPC=yes), has renamed it, or has put another file in its
// place. Who asks for the runtime would be told that there is none, and would start another of the
// same name; or would take over a copy, and kill the workers that run by the other.
#pragma once

#include <optional>
#include <string_view>

#include <sys/types.h>

namespace mabeam::shm {

/// The supervisor of such a runtime, found by its bell (bell.hpp) and by the segment that it has
/// open. Nothing: there is none, or it is another user's, or of other namespaces.
std::optional<pid_t> find_nameless_supervisor(std::string_view runtime);

}  // namespace mabeam::shm

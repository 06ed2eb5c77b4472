// Dying: a process that was killed and is not gone yet.
#pragma once

#include <string_view>

#include <sys/types.h>

namespace mabeam::supervisor {

/// From the text of /proc/PID/status: SIGKILL is on its way to it, or it has no memory any more. An
/// empty text is of one that is gone.
bool is_dying(std::string_view status);

bool is_dying(pid_t pid);

}  // namespace mabeam::supervisor

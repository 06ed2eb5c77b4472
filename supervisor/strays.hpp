// Strays: processes that workers have started and left behind. They become this process's children
// (PR_SET_CHILD_SUBREAPER), so they can be found, and none of them outlives its worker.
//
// A child may be somebody else's: of a shell that has become the supervisor, or, if that is the
// first process of a container, of anybody in there. What a worker has started is known by a
// variable of its environment, which all inherit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace mabeam::supervisor {

/// Which incarnation of a worker has started something.
struct StartedBy {
  std::uint32_t worker = 0;
  std::uint32_t incarnation = 0;
  friend bool operator==(const StartedBy&, const StartedBy&) = default;
};

/// "MABEAM_STARTED_BY=default/0/17", for the environment of that incarnation.
std::string started_by_text(std::string_view runtime, StartedBy by);

/// Who has started the process whose environment this is: texts, each ended by a zero byte. Nothing
/// if that was no worker of the runtime.
std::optional<StartedBy> find_started_by(std::string_view environment, std::string_view runtime);

/// Kills every child of this process that was started by a worker of the runtime, unless that
/// worker `lives`. Returns how many. Where the kernel does not list children: none.
int kill_strays(std::string_view runtime, const std::function<bool(StartedBy by)>& lives);

}  // namespace mabeam::supervisor

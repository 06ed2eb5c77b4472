#include "worker/builtin.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include <unistd.h>

namespace mabeam::worker {
namespace {

/// Kept for ever, and touched, so that it counts against every memory limit.
Result<> leak(std::uint64_t bytes) {
  static std::vector<std::vector<char>> kept;
  kept.emplace_back(bytes, char{1});
  return {};
}

Result<> fork_children(std::uint64_t count) {
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, 100'000); ++i) {
    const pid_t child = ::fork();
    if (child < 0) return fail_system(errno);
    if (child == 0) {
      for (;;)
        ::pause();
    }
  }
  return {};
}

}  // namespace

Result<> Fault::on_action(Context&, const Action& action) const {
  const std::string_view name = action.name();
  const Result<std::uint64_t> number = action.payload().as_or<std::uint64_t>(1);
  if (!number) return fail(number.error());
  if (name == "crash") ::raise(SIGSEGV);
  if (name == "exit") ::_exit(static_cast<int>(*number & 0xFFU));
  if (name == "hang") {
    for (;;)
      ::pause();
  }
  if (name == "leak") return leak(*number);
  if (name == "fork") return fork_children(*number);
  return fail(Errc::unknown_action);
}

}  // namespace mabeam::worker

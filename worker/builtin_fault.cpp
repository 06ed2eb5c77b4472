#include "worker/builtin.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <unistd.h>

namespace mabeam::worker {
namespace {

/// Kept for ever, and touched, so that it counts against every memory limit.
Result<> leak(std::uint64_t bytes) {
  void* memory = std::malloc(bytes);  // NOLINT(cppcoreguidelines-no-malloc): leaked on purpose
  if (memory == nullptr) return fail(Errc::system);
  std::memset(memory, 1, bytes);
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
  if (name == "crash") return {};
  return fail(Errc::unknown_action);
}

}  // namespace mabeam::worker

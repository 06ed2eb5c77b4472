// MABEAM_ASSERT: a broken promise of our own code, always checked. Never for what is read from the
// segment: another process's bug is an error, not ours.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace mabeam::shm {

/// Says what was promised and where, and ends the process; its supervisor starts the next one.
[[noreturn, gnu::cold]] inline void broken_promise(const char* what, const char* file,
                                                   int line) noexcept {
  std::fprintf(stderr, "mabeam: broken promise: %s at %s:%d\n", what, file, line);
  std::abort();
}

}  // namespace mabeam::shm

#define MABEAM_ASSERT(expression) \
  ((expression) ? void() : ::mabeam::shm::broken_promise(#expression, __FILE__, __LINE__))

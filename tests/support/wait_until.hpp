// wait_until: the only way in which a test waits: for a condition, with a deadline.
#pragma once

#include <chrono>
#include <thread>
#include <utility>

namespace mabeam::tests {

/// Asks `condition` until it is true, for at most `limit`. Returns what it was last.
template <class Condition>
[[nodiscard]] bool wait_until(std::chrono::milliseconds limit, Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return condition();
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

}  // namespace mabeam::tests

// FactFollower: the facts of a live runtime's flight recorder, each once and in the order of their
// numbers, though their writers do not end in that order.
#pragma once

#include "mabeam/post_mortem.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace mabeam::tools {

class FactFollower {
 public:
  /// A fact waits so long for those before it. Who has not written one to its end by then is taken
  /// for dead.
  static constexpr std::chrono::seconds kPatience{1};

  /// What is to be told now. `now_ns` is of CLOCK_MONOTONIC, looked at after the list; `is_last`:
  /// nothing is waited for.
  std::vector<FactView> take(FactList list, std::int64_t now_ns, bool is_last = false);

 private:
  std::uint64_t next_ = 0;  // the number of the fact to be told
};

}  // namespace mabeam::tools

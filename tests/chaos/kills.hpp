// How many workers the tests of chaos kill, where, and for how long they go on: as the command line
// says.
#pragma once

#include "tests/support/stress.hpp"

#include <cstdint>

namespace mabeam::tests {

struct Kills {
  std::uint64_t count = 200;  ///< at least
  std::uint64_t seed = stress_seed();
  std::uint64_t seconds = number_from_environment("MABEAM_STRESS_SECONDS", 0);  ///< 0: few

  [[nodiscard]] std::uint64_t seconds_or(std::uint64_t few) const {
    return seconds == 0 ? few : seconds;
  }
};

inline Kills& kills() {
  static Kills kills;
  return kills;
}

}  // namespace mabeam::tests

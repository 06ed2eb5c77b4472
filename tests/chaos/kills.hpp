// How many workers the tests of chaos kill, and where: as the command line says.
#pragma once

#include "tests/support/stress.hpp"

#include <cstdint>

namespace mabeam::tests {

struct Kills {
  std::uint64_t count = 200;  ///< at least
  std::uint64_t seed = stress_seed();
};

inline Kills& kills() {
  static Kills kills;
  return kills;
}

}  // namespace mabeam::tests

// How long tests of stress, chaos and fuzz go on, and with which seed: as short as they may when
// run with all others, for as long as .ci/nightly says.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace mabeam::tests {

inline std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

inline std::uint64_t stress_seed() {
  return number_from_environment("MABEAM_STRESS_SEED", 42);
}

/// The time that a test is given; none, if nobody says, beyond what it does at least.
class StressTime {
 public:
  [[nodiscard]] bool is_over() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  std::chrono::steady_clock::time_point end_ =
      std::chrono::steady_clock::now() +
      std::chrono::seconds{number_from_environment("MABEAM_STRESS_SECONDS", 0)};
};

}  // namespace mabeam::tests

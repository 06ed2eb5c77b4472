// Alternating measurement: several ways to do the same, in short rounds one after another, in the
// same two processes. The host moves virtual CPUs about, and with them a cache line's round trip
// from 80 to 500 ns; what a round measured side by side can be divided all the same.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mabeam::bench {

/// One way. Both functions run at once, in their own processes, and set up what they need at their
/// first call.
struct Way {
  std::string name;
  /// In nanoseconds; what it returns counts if `messages` is 0.
  std::function<double()> parent;
  std::function<void()> child;
  std::uint64_t messages = 0;  ///< that one call of parent() sends and child() gets
};

/// Runs every way once a round and puts into the counters: the median of each (`NAME_ns`, or
/// `NAME_per_s` where messages are counted), and for each but the first the median over the rounds
/// of what it is times the first (`NAME_ratio`).
void alternate(benchmark::State& state, const std::vector<Way>& ways, std::size_t rounds);

}  // namespace mabeam::bench

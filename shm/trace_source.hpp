// TraceSource: where ids of traces and spans come from, and which messages begin a trace. One for
// each endpoint's owner; its numbers are random, not secret.
#pragma once

#include "shm/layout.hpp"

#include "mabeam/trace.hpp"

#include <cstdint>
#include <random>

namespace mabeam::shm {

class TraceSource {
 public:
  TraceSource() : state_(seed()) {}

  /// True for a share of calls: `sample` of kSampleAll.
  [[nodiscard]] bool takes(std::uint64_t sample) noexcept {
    return sample != 0 && next() % kSampleAll < sample;
  }

  [[nodiscard]] TraceId new_trace() noexcept { return {next_id(), next()}; }

  [[nodiscard]] SpanId new_span() noexcept { return static_cast<SpanId>(next_id()); }

 private:
  static std::uint64_t seed() {
    std::random_device random;
    return std::uint64_t{random()} << 32U | random();
  }

  /// SplitMix64: every state once, and none twice in a row.
  std::uint64_t next() noexcept {
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 30U) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27U) * 0x94D049BB133111EB;
    return mixed ^ mixed >> 31U;
  }

  std::uint64_t next_id() noexcept {
    for (;;) {
      if (const std::uint64_t id = next(); id != 0) return id;
    }
  }

  std::uint64_t state_;
};

}  // namespace mabeam::shm

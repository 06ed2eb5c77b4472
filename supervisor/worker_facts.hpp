// WorkerFacts: what workers have recorded of themselves in the flight recorder, as lines of the
// log: messages buried as poison, handlers that fail, rings given up. So the log has all that
// happened, with the level and the fields that the recorder has.
#pragma once

#include "shm/segment.hpp"
#include "supervisor/log.hpp"

#include <chrono>
#include <cstdint>

namespace mabeam::supervisor {

class WorkerFacts {
 public:
  /// Who has not written a record to its end by then is taken for dead.
  static constexpr std::chrono::seconds kPatience{1};
  /// Lines of a scan: whoever fills the recorder does not fill the log, too.
  static constexpr std::uint32_t kMostLines = 100;

  /// Goes on where the last supervisor of the segment was. Both outlive this.
  WorkerFacts(const shm::Segment& segment, Log& log) : segment_(segment), log_(log) {}

  /// `now` is of CLOCK_MONOTONIC; `is_last`: nothing is waited for.
  void scan(std::chrono::nanoseconds now, bool is_last = false);

 private:
  /// Whether the record of that number, which is not whole, is given up.
  bool gives_up(std::uint64_t number, std::uint64_t begun, std::chrono::nanoseconds now);

  const shm::Segment& segment_;
  Log& log_;
  std::uint64_t waited_to_ = 0;            // the records before this one are waited for ...
  std::chrono::nanoseconds wait_until_{};  // ... until then
};

}  // namespace mabeam::supervisor

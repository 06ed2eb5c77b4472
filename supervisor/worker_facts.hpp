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

  /// Tells of what comes from now on. Both outlive this.
  WorkerFacts(const shm::Segment& segment, Log& log);

  /// `now` is of CLOCK_MONOTONIC.
  void scan(std::chrono::nanoseconds now);

 private:
  const shm::Segment& segment_;
  Log& log_;
  std::uint64_t next_;                     // the number of the record to be looked at
  std::chrono::nanoseconds wait_until_{};  // for that one; 0: it is not waited for
};

}  // namespace mabeam::supervisor

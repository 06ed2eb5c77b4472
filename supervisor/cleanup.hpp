// Cleanup: what the dead have left and nobody comes for, every limits.cleanup_interval.
//
//   half built and half removed segments     of any runtime of this user (stale_files.hpp)
//   control groups                           of workers that have left or failed for good
//   breakers of calls                        open since long, of shards that are served again, and
//                                            that nobody has called since
//
// The rest goes at once: a dead client's endpoint as soon as its end is seen, a dead worker's
// processes with it.
#pragma once

#include "shm/segment.hpp"
#include "supervisor/event_loop.hpp"
#include "supervisor/log.hpp"
#include "supervisor/workers.hpp"

namespace mabeam::supervisor {

class Cleanup {
 public:
  /// All outlive this.
  Cleanup(const shm::Segment& segment, Workers& workers, Log& log)
      : segment_(segment),
        workers_(workers),
        log_(log) {}

  /// Clears away what there is, if that is due again.
  void scan(Time now, Time interval);

 private:
  [[nodiscard]] int close_idle_breakers(Time now) const;

  const shm::Segment& segment_;
  Workers& workers_;
  Log& log_;
  Time last_{0};
};

}  // namespace mabeam::supervisor

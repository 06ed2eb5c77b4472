// What is behind an Observer: a segment mapped read-only, or a private copy of one, and where its
// tail has come to.
#pragma once

#include "shm/event_log.hpp"
#include "shm/segment.hpp"

#include "mabeam/observer.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace mabeam {

struct Observer::Impl {
  /// What an observer looks at: for those who want more of the same runtime than it tells.
  static const shm::Segment& segment_of(const Observer& observer) {
    return observer.impl_->segment;
  }

  shm::Segment segment;
  bool is_live = true;         ///< false: a copy, which nobody changes any more
  bool sees_processes = true;  ///< false: its pids mean nothing here (a copy, another namespace)

  std::vector<std::optional<shm::EventLogObserver>> logs;  ///< by endpoint; nothing: damaged
  std::int64_t tail_from_ns = 0;                           ///< older events are not handed out
  std::uint64_t unreadable = 0;  ///< events of the tail that are left out: they are damaged
};

}  // namespace mabeam

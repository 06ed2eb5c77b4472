#include "supervisor/worker_facts.hpp"

#include "shm/flight_recorder.hpp"

#include <algorithm>
#include <optional>

namespace mabeam::supervisor {

WorkerFacts::WorkerFacts(const shm::Segment& segment, Log& log)
    : segment_(segment),
      log_(log),
      next_(shm::FactSlots{segment.recorder()}.begun()) {
}

// In the order of the numbers. A number is given out before its record is sealed: one that is not
// whole is waited for.
void WorkerFacts::scan(std::chrono::nanoseconds now) {
  const shm::FactSlots slots{segment_.recorder()};
  const std::uint64_t begun = slots.begun();
  next_ = std::clamp(next_, begun - std::min(begun, slots.count()), begun);  // whatever it says
  for (; next_ < begun; ++next_) {
    const std::optional<FactView> fact = shm::read_fact(segment_.recorder(), next_);
    if (!fact) {
      if (wait_until_ == std::chrono::nanoseconds{}) wait_until_ = now + kPatience;
      if (now < wait_until_) return;
    }
    wait_until_ = {};
    if (fact && fact->written_by) log_.relay(*fact);
  }
}

}  // namespace mabeam::supervisor

#include "supervisor/worker_facts.hpp"

#include "shm/flight_recorder.hpp"

#include <algorithm>
#include <optional>

namespace mabeam::supervisor {

// A number is given out before its record is sealed: what is not whole is waited for, all of it
// that there is by then together.
bool WorkerFacts::gives_up(std::uint64_t number, std::uint64_t begun,
                           std::chrono::nanoseconds now) {
  if (number < waited_to_) return now >= wait_until_;
  waited_to_ = begun;
  wait_until_ = now + kPatience;
  return false;
}

// In the order of the numbers, whatever the words say that others can write.
void WorkerFacts::scan(std::chrono::nanoseconds now, bool is_last) {
  const shm::FactSlots slots{segment_.recorder()};
  const std::uint64_t begun = slots.begun();
  shm::Word& told = segment_.header().facts_told;
  std::uint64_t next = std::clamp(told.load(std::memory_order_relaxed),
                                  begun - std::min(begun, slots.count()), begun);
  for (std::uint32_t lines = 0; next < begun && lines < kMostLines; ++next) {
    const std::optional<FactView> fact = shm::read_fact(segment_.recorder(), next);
    if (!fact && !is_last && !gives_up(next, begun, now)) break;
    if (!fact || !fact->written_by) continue;
    log_.relay(*fact);
    ++lines;
  }
  told.store(next, std::memory_order_relaxed);
}

}  // namespace mabeam::supervisor

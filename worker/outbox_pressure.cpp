// Which rings are congested, and what is to be told of it.
#include "worker/outbox.hpp"

#include <algorithm>

namespace mabeam::worker {

// What was not told yet and is over again needs no telling.
void Outbox::set_congested(Ring& ring, std::uint32_t index, bool is_congested) {
  ring.is_closed = is_congested || ring.reserved_by != 0;
  if (ring.is_congested == is_congested) return;
  ring.is_congested = is_congested;
  if (is_congested) {
    ++congested_;
  } else {
    --congested_;
  }
  const std::size_t untold =
      std::erase_if(pressure_, [&](const PressureChange& change) { return change.ring == index; });
  if (untold != 0) return;
  pressure_.push_back({index, is_congested, ring.producer.used(), ring.producer.capacity()});
}

void Outbox::look_at_congested() {
  if (congested_ == 0) return;
  for (std::uint32_t index = 0; index < rings_.size(); ++index) {
    Ring& ring = rings_[index];
    if (!ring.is_congested) continue;
    if (ring.producer.used() <= ring.producer.capacity() / 2) set_congested(ring, index, false);
  }
}

}  // namespace mabeam::worker

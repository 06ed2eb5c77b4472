// Which rings are congested and which readers evicted, and what is to be told of it.
#include "worker/outbox.hpp"

#include <algorithm>

namespace mabeam::worker {

// What was not told yet and is over again needs no telling.
void Outbox::tell(const PressureChange& change) {
  under_pressure_ = congested_ != 0 || !evicted_.empty() || blocks_pressure_.are_congested;
  const std::size_t untold = std::erase_if(pressure_, [&](const PressureChange& other) {
    return other.ring == change.ring && other.reader == change.reader;
  });
  if (untold == 0) pressure_.push_back(change);
}

void Outbox::set_congested(Ring& ring, std::uint32_t index, bool is_congested) {
  ring.is_closed = is_congested || ring.reserved_by != 0;
  if (ring.is_congested == is_congested) return;
  ring.is_congested = is_congested;
  if (is_congested) {
    ++congested_;
  } else {
    --congested_;
  }
  tell({index, 0, is_congested, ring.producer.used(), ring.producer.capacity()});
}

void Outbox::set_evicted(std::uint32_t reader, std::uint64_t used_bytes) {
  if (evicted_.contains(reader)) return;
  evicted_.insert(reader);
  tell({Blockage::kLog, reader, true, used_bytes, log_.capacity()});
}

void Outbox::look_at_pressure() {
  for (std::uint32_t index = 0; index < rings_.size() && congested_ != 0; ++index) {
    Ring& ring = rings_[index];
    if (!ring.is_congested) continue;
    if (ring.producer.used() <= ring.producer.capacity() / 2) set_congested(ring, index, false);
  }
  look_at_blocks();
  const shm::EndpointSet evicted = evicted_;
  evicted.for_each([this](std::uint32_t reader) {
    if (log_.is_missing(reader)) return;
    evicted_.erase(reader);
    tell({Blockage::kLog, reader, false, 0, log_.capacity()});
  });
}

}  // namespace mabeam::worker

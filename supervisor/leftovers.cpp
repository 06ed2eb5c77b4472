#include "supervisor/leftovers.hpp"

#include "shm/spsc_ring.hpp"

namespace mabeam::supervisor {
namespace {

/// A client that goes on sending must not keep the count going.
constexpr std::uint64_t kMostRecords = 1U << 25U;

std::uint64_t count_records(std::span<std::byte> ring) {
  Result<shm::RingConsumer> reader = shm::RingConsumer::open(ring);
  std::uint64_t count = 0;
  shm::Record record;
  while (reader && count < kMostRecords) {
    const Result<bool> found = reader->peek(record);
    if (!found || !*found) break;
    reader->advance(record.end);
    ++count;
  }
  return count;
}

}  // namespace

Leftovers count_leftovers(const shm::Segment& segment) {
  Leftovers leftovers{.agents = segment.live_agents(), .messages = 0};
  for (std::uint32_t source = 1; source < segment.endpoints(); ++source) {
    for (std::uint32_t target = 1; target < segment.endpoints(); ++target) {
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        const std::span<std::byte> ring = segment.ring(source, target, priority);
        if (!ring.empty()) leftovers.messages += count_records(ring);
      }
    }
  }
  return leftovers;
}

}  // namespace mabeam::supervisor

#include "supervisor/leftovers.hpp"

#include "shm/event_log.hpp"
#include "shm/interest.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include <algorithm>
#include <array>

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

/// Where each reader stands; a reader that was evicted is waited for by nobody.
using Cursors = std::array<std::uint64_t, shm::kMaxEndpoints>;

Cursors cursors_of(const shm::LogParts& log) {
  Cursors cursors;
  cursors.fill(shm::kNotReading);
  for (std::uint32_t reader = 0; reader < log.readers; ++reader) {
    const shm::LogCursor& cursor = log.cursors[reader];
    const bool is_evicted = log.header->evicted[reader].load() != cursor.acknowledged.load();
    if (!is_evicted) cursors[reader] = cursor.position.load();
  }
  return cursors;
}

/// True if somebody who is subscribed to the event's topic has not come to it.
bool is_unread(const shm::Record& event, const Cursors& cursors, shm::Interest& interest) {
  const auto message = shm::parse(event);
  bool found = false;
  if (!message) return false;
  interest.of(message->header.symbol).for_each([&](std::uint32_t reader) {
    found = found || cursors[reader] <= event.position;
  });
  return found;
}

std::uint64_t count_events(const shm::Segment& segment, std::uint32_t source,
                           shm::Interest& interest) {
  const Result<shm::LogParts> log = shm::check_log(segment.log(source), segment.endpoints());
  if (!log) return 0;
  const Cursors cursors = cursors_of(*log);
  const std::uint64_t tail = log->header->tail.load(std::memory_order_acquire);
  std::uint64_t position = *std::min_element(cursors.begin(), cursors.end());
  std::uint64_t count = 0;
  shm::Record event;
  for (std::uint64_t looked = 0; looked < kMostRecords && position < tail; ++looked) {
    event.position = position;
    const Result<bool> found = shm::read_log_record(*log, position, tail, event);
    if (!found || !*found) break;
    count += is_unread(event, cursors, interest) ? 1U : 0U;
    position = event.end;
  }
  return count;
}

}  // namespace

Leftovers count_leftovers(const shm::Segment& segment) {
  Leftovers leftovers{.agents = segment.live_agents()};
  shm::Interest interest{segment};
  for (std::uint32_t source = 1; source < segment.endpoints(); ++source) {
    leftovers.events += count_events(segment, source, interest);
    for (std::uint32_t target = 1; target < segment.endpoints(); ++target) {
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        const std::span<std::byte> ring = segment.ring(source, target, priority);
        if (!ring.empty()) leftovers.messages += count_records(ring);
      }
    }
  }
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard)
    leftovers.messages += count_records(segment.parking(shard));
  return leftovers;
}

}  // namespace mabeam::supervisor

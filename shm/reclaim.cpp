#include "shm/reclaim.hpp"

#include "shm/doorbell.hpp"
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"

namespace mabeam::shm {
namespace {

void leave_logs(const Segment& segment, std::uint32_t endpoint) {
  for (std::uint32_t source = 0; source < segment.endpoints(); ++source) {
    auto* cursors = reinterpret_cast<LogCursor*>(segment.log(source).data() + sizeof(LogHeader));
    cursors[endpoint].position.store(kNotReading, std::memory_order_release);  // RECLAIM
  }
}

void clear_subscriptions(const Segment& segment, std::uint32_t endpoint) {
  bool changed = false;
  for (Subscription& entry : segment.subscriptions(endpoint)) {
    if (entry.word.load(std::memory_order_relaxed) == 0) continue;
    entry.word.store(0, std::memory_order_release);
    changed = true;
  }
  // A walk that stops in front of this leaves publishers that ring an empty house: harmless.
  if (changed) segment.header().subscription_epoch.fetch_add(1, std::memory_order_seq_cst);
}

/// Counts for the tally only: a ring that does not parse is given up all the same.
std::uint64_t count_unread(std::span<std::byte> ring) {
  Result<RingConsumer> consumer = RingConsumer::open(ring);
  if (!consumer) return 0;
  std::uint64_t count = 0;
  Record record;
  for (Result<bool> found = consumer->peek(record); found && *found;
       found = consumer->peek(record)) {
    consumer->advance(record.end);
    ++count;
  }
  return count;
}

void skip_inbound_rings(const Segment& segment, std::uint32_t endpoint) {
  std::uint64_t unread = 0;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      const auto ring = segment.ring(Segment::endpoint_of_shard(shard), endpoint, priority);
      unread += count_unread(ring);
      auto* header = reinterpret_cast<RingHeader*>(ring.data());
      header->head.store(header->tail.load(std::memory_order_acquire),
                         std::memory_order_release);  // RECLAIM
    }
  }
  Word& refused = segment.endpoint(endpoint).refused;
  refused.store(refused.load(std::memory_order_relaxed) + unread, std::memory_order_relaxed);
}

/// The dead one may have published a message or an event, and told nobody.
void announce_everywhere(const Segment& segment, std::uint32_t endpoint) {
  full_fence();
  for (std::uint32_t target = 1; target < segment.endpoints(); ++target) {
    if (target != endpoint) segment.announce(endpoint, target);
  }
}

}  // namespace

bool reclaim_endpoint(const Segment& segment, std::uint32_t endpoint, ProcessId owner) noexcept {
  if (!owner || !segment.is_client(endpoint)) return false;
  EndpointSlot& slot = segment.endpoint(endpoint);
  if (slot.claim.load(std::memory_order_acquire) != owner.value) return false;
  leave_logs(segment, endpoint);
  clear_subscriptions(segment, endpoint);
  slot.reserved_agents.store(0, std::memory_order_seq_cst);
  skip_inbound_rings(segment, endpoint);
  announce_everywhere(segment, endpoint);
  slot.doorbell.sleeping.store(0, std::memory_order_relaxed);
  slot.generation.store(slot.generation.load(std::memory_order_relaxed) + 1,
                        std::memory_order_release);
  std::uint64_t expected = owner.value;
  return slot.claim.compare_exchange_strong(expected, 0, std::memory_order_acq_rel);  // FREE
}

}  // namespace mabeam::shm

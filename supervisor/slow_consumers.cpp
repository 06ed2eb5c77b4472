#include "supervisor/slow_consumers.hpp"

#include "shm/snapshots.hpp"
#include "shm/spsc_ring.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace mabeam::supervisor {
namespace {

constexpr int kPatience = 3;
constexpr std::array<std::string_view, shm::kPriorities> kPriorityNames{"high", "normal", "low"};

}  // namespace

SlowConsumers::Ring SlowConsumers::ring_of(std::uint32_t index) const {
  const std::uint32_t pair = index / shm::kPriorities;
  return {pair / segment_.endpoints(), pair % segment_.endpoints(),
          static_cast<Priority>(index % shm::kPriorities)};
}

std::vector<std::uint32_t> SlowConsumers::scan(Time now, Time stall_timeout) {
  if (now < next_scan_) return {};
  next_scan_ = now + kPeriod;
  const std::uint32_t rings = segment_.endpoints() * segment_.endpoints() * shm::kPriorities;
  std::vector<std::uint32_t> slow;
  for (std::uint32_t i = 0; i < std::min(rings, kRingsAScan); ++i) {
    const std::uint32_t index = next_;
    next_ = (next_ + 1) % rings;
    if (!look(index, now, kPatience * stall_timeout)) continue;
    const auto worker = worker_of(ring_of(index).to);
    if (worker && std::find(slow.begin(), slow.end(), *worker) == slow.end()) {
      slow.push_back(*worker);
    }
  }
  return slow;
}

// True if an episode begins. A ring whose positions make no sense is verify's business.
bool SlowConsumers::look(std::uint32_t index, Time now, Time patience) {
  const Ring ring = ring_of(index);
  const std::span<const std::byte> bytes = segment_.ring(ring.from, ring.to, ring.priority);
  if (bytes.empty()) return false;
  const auto at = shm::snapshot_positions(bytes);
  const std::uint64_t capacity = bytes.size() - sizeof(shm::RingHeader);
  const bool is_known = at && at->head <= at->tail && at->tail - at->head <= capacity;
  const std::uint64_t used = is_known ? at->tail - at->head : 0;
  const auto held = held_.find(index);
  if (used <= capacity / 2) {
    if (held == held_.end()) return false;
    if (held->second.is_told) tell_end(ring);
    held_.erase(held);
    return false;
  }
  if (held == held_.end()) {
    held_.emplace(index, Held{at->head, now});
    return false;
  }
  if (held->second.head != at->head) {
    held->second.head = at->head;
    held->second.since = now;
  }
  if (held->second.is_told || now - held->second.since < patience) return false;
  held->second.is_told = true;
  warn(ring, used, now - held->second.since);
  return true;
}

void SlowConsumers::warn(const Ring& ring, std::uint64_t used_bytes, Time held) const {
  const std::string reader = shm::endpoint_name(segment_, ring.to);
  const std::string writer = shm::endpoint_name(segment_, ring.from);
  const std::string_view priority = kPriorityNames[static_cast<std::size_t>(ring.priority)];
  constexpr std::string_view kText = "slow consumer: it does not take what is sent to it";
  if (const auto worker = worker_of(ring.to)) {
    log_.warn(kText, {{"consumer", reader},
                      {"worker", *worker},
                      {"from", writer},
                      {"priority", priority},
                      {"used_bytes", used_bytes},
                      {"seconds", seconds(held)}});
  } else {
    log_.warn(kText, {{"consumer", reader},
                      {"from", writer},
                      {"priority", priority},
                      {"used_bytes", used_bytes},
                      {"seconds", seconds(held)}});
  }
}

void SlowConsumers::tell_end(const Ring& ring) const {
  log_.info("slow consumer has caught up",
            {{"consumer", shm::endpoint_name(segment_, ring.to)},
             {"from", shm::endpoint_name(segment_, ring.from)},
             {"priority", kPriorityNames[static_cast<std::size_t>(ring.priority)]}});
}

// Of a client, none; nor of a shard that nobody runs.
std::optional<std::uint32_t> SlowConsumers::worker_of(std::uint32_t endpoint) const {
  if (!segment_.is_shard(endpoint)) return std::nullopt;
  const shm::Incarnation owner{segment_.endpoint(endpoint).owner.load(std::memory_order_acquire)};
  if (!owner || owner.worker() >= shm::kMaxWorkers) return std::nullopt;
  return owner.worker();
}

}  // namespace mabeam::supervisor

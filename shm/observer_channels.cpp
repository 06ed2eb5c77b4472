// The observer's channels: what is in the rings and logs, how full they were, and who holds them.
#include "shm/event_log.hpp"
#include "shm/observer_impl.hpp"
#include "shm/snapshots.hpp"
#include "shm/spsc_ring.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace mabeam {
namespace {

using shm::Segment;

constexpr int kLooks = 3;

bool is_sane(const shm::RingPositions& at, std::uint64_t capacity) {
  return at.head <= at.tail && at.tail - at.head <= capacity && at.head % 8 == 0;
}

/// Records between two positions of a ring that its reader may be moving through. Nothing if they
/// do not parse.
std::optional<std::uint64_t> count_records(std::span<const std::byte> ring, std::uint64_t head,
                                           std::uint64_t tail) {
  const std::uint64_t capacity = ring.size() - sizeof(shm::RingHeader);
  const std::byte* data = ring.data() + sizeof(shm::RingHeader);
  std::uint64_t count = 0;
  while (head < tail) {
    shm::RecordHeader record{};
    const std::uint64_t offset = head & (capacity - 1);
    std::memcpy(&record, data + offset, sizeof record);
    const std::uint64_t size = shm::record_bytes(record.length);
    if (size > tail - head || size > capacity - offset) return std::nullopt;
    if (record.kind != shm::kPadKind) ++count;
    head += size;
  }
  return count;
}

/// What was counted counts only if the reader stood still: then nobody has written there, either.
std::optional<std::uint64_t> count_waiting(std::span<const std::byte> ring,
                                           shm::RingPositions& at) {
  for (int tries = 0; tries < kLooks; ++tries) {
    const auto count = count_records(ring, at.head, at.tail);
    std::atomic_thread_fence(std::memory_order_acquire);
    const auto now = shm::snapshot_positions(ring);
    if (!now) return std::nullopt;
    if (now->head == at.head) return count;
    at = *now;
    if (!is_sane(at, ring.size() - sizeof(shm::RingHeader))) return std::nullopt;
  }
  return std::nullopt;
}

class ChannelCollector {
 public:
  explicit ChannelCollector(const Segment& segment) : segment_(segment) {}

  ChannelsView collect() {
    for (std::uint32_t from = 1; from < segment_.endpoints(); ++from) {
      for (std::uint32_t to = 1; to < segment_.endpoints(); ++to) {
        for (std::uint32_t p = 0; p < shm::kPriorities; ++p)
          look_at_ring(from, to, static_cast<Priority>(p));
      }
    }
    for (std::uint32_t endpoint = 0; endpoint < segment_.endpoints(); ++endpoint)
      look_at_log(endpoint);
    return std::move(view_);
  }

 private:
  void look_at_ring(std::uint32_t from, std::uint32_t to, Priority priority) {
    const std::span<const std::byte> ring = segment_.ring(from, to, priority);
    if (ring.empty()) return;
    const auto& header = *reinterpret_cast<const shm::RingHeader*>(ring.data());
    if (header.tail.load(std::memory_order_acquire) == 0) return;
    const std::uint64_t capacity = ring.size() - sizeof(shm::RingHeader);
    auto at = shm::snapshot_positions(ring);
    if (at && !is_sane(*at, capacity)) {
      ++view_.damaged;
      return;
    }
    ChannelView channel{.from = from,
                        .to = to,
                        .from_name = shm::endpoint_name(segment_, from),
                        .to_name = shm::endpoint_name(segment_, to),
                        .priority = priority,
                        .capacity_bytes = capacity};
    if (at) {
      channel.waiting = count_waiting(ring, *at);
      channel.used_bytes = std::min(at->tail - at->head, capacity);
      channel.total_bytes = at->tail;
    }
    const std::uint64_t mark = header.high_water.load(std::memory_order_relaxed);
    channel.high_water_bytes = std::min(std::max(mark, channel.used_bytes), capacity);
    view_.channels.push_back(std::move(channel));
  }

  void look_at_log(std::uint32_t endpoint) {
    const std::uint32_t readers = segment_.endpoints();
    const auto log = shm::check_log(segment_.log(endpoint), readers);
    if (!log) {
      ++view_.damaged;
      return;
    }
    const shm::LogHeader& header = *log->header;
    const std::uint64_t oldest = header.oldest.load(std::memory_order_acquire);
    const std::uint64_t tail = header.tail.load(std::memory_order_acquire);
    if (tail == 0) return;
    LogView view{.log = endpoint, .name = shm::endpoint_name(segment_, endpoint)};
    view.capacity_bytes = log->mask + 1;
    view.kept_bytes = tail > oldest ? std::min(tail - oldest, view.capacity_bytes) : 0;
    view.events = header.sequence.load(std::memory_order_acquire);
    for (std::uint32_t reader = 0; reader < readers; ++reader)
      look_at_reader(*log, reader, tail, view);
    const std::uint64_t mark = header.high_water.load(std::memory_order_relaxed);
    view.high_water_bytes = std::min(std::max(mark, view.used_bytes), view.capacity_bytes);
    std::stable_sort(
        view.readers.begin(), view.readers.end(),
        [](const LogReaderView& a, const LogReaderView& b) {
          return std::pair{a.is_evicted, a.behind_bytes} > std::pair{b.is_evicted, b.behind_bytes};
        });
    view_.logs.push_back(std::move(view));
  }

  void look_at_reader(const shm::LogParts& log, std::uint32_t reader, std::uint64_t tail,
                      LogView& view) const {
    const std::uint64_t evicted = log.header->evicted[reader].load(std::memory_order_acquire);
    const shm::LogCursor& cursor = log.cursors[reader];
    const std::uint64_t position = cursor.position.load(std::memory_order_acquire);
    view.evictions += evicted;
    if (position == shm::kNotReading) return;
    LogReaderView found{.reader = reader, .name = shm::endpoint_name(segment_, reader)};
    found.behind_bytes = tail > position ? tail - position : 0;
    found.is_evicted = evicted != cursor.acknowledged.load(std::memory_order_acquire);
    if (!found.is_evicted) {
      view.used_bytes =
          std::max(view.used_bytes, std::min(found.behind_bytes, view.capacity_bytes));
    }
    view.readers.push_back(std::move(found));
  }

  const Segment& segment_;
  ChannelsView view_;
};

}  // namespace

ChannelsView Observer::channels() const {
  return ChannelCollector{impl_->segment}.collect();
}

}  // namespace mabeam

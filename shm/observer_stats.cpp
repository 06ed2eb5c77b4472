// The view of the counters: sums over the shards' records and the clients' endpoints, and quantiles
// of the histograms.
#include "shm/metrics.hpp"
#include "shm/observer_impl.hpp"
#include "shm/snapshots.hpp"

#include "mabeam/observer.hpp"

#include <array>
#include <limits>

namespace mabeam {
namespace {

using shm::Segment;

/// For damaged counters: a sum that would pass the end stays there.
std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) {
  return a + b < a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

using Buckets = std::array<std::uint64_t, shm::Histogram::kBuckets>;

/// The bucket's upper bound below which all but one in `rest` of the values lie.
std::uint64_t quantile(const Buckets& buckets, std::uint64_t total, std::uint64_t rest) {
  const std::uint64_t rank = total - total / rest;
  std::uint64_t seen = 0;
  for (std::uint32_t i = 0; i < buckets.size(); ++i) {
    seen = add_saturated(seen, buckets[i]);
    if (buckets[i] != 0 && seen >= rank) return shm::Histogram::upper_bound(i);
  }
  return 0;
}

void add_latency(const Segment& segment, StatsView& view) {
  Buckets buckets{};
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < buckets.size(); ++i) {
    for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
      buckets[i] = add_saturated(buckets[i], segment.metrics(shard).latency_ns.count(i));
    }
    total = add_saturated(total, buckets[i]);
    if (buckets[i] == 0) continue;
    view.latencies.push_back(
        {shm::Histogram::lower_bound(i), shm::Histogram::upper_bound(i), buckets[i]});
    view.latency_ns.max = view.latencies.back().highest_ns;
  }
  view.latency_ns.p50 = quantile(buckets, total, 2);
  view.latency_ns.p99 = quantile(buckets, total, 100);
  view.latency_ns.p999 = quantile(buckets, total, 1000);
}

void add_shard(const shm::ShardRecord& record, StatsView& view) {
  view.messages.sent += record.sent;
  view.messages.delivered += record.delivered;
  view.messages.redelivered += record.redelivered;
  view.messages.refused += record.refused;
  view.messages.expired += record.expired;
  view.messages.dead_lettered += record.dead_lettered;
  view.events.published += record.events_published;
  view.events.delivered += record.events_delivered;
  view.events.missed += record.events_missed;
  view.agents.live += record.agents_live;
  view.agents.created += record.agents_created;
  view.agents.stopped += record.agents_stopped;
}

void add_client(const shm::EndpointSlot& slot, StatsView& view) {
  view.messages.sent += slot.sent.load(std::memory_order_relaxed);
  view.messages.delivered += slot.delivered.load(std::memory_order_relaxed);
  view.messages.refused += slot.refused.load(std::memory_order_relaxed);
  view.events.published += slot.published.load(std::memory_order_relaxed);
  view.events.missed += slot.missed.load(std::memory_order_relaxed);
}

}  // namespace

StatsView Observer::stats() const {
  const Segment& segment = impl_->segment;
  StatsView view;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    add_shard(snapshot_record(segment.turn(shard)), view);
  }
  for (std::uint32_t i = segment.first_client(); i < segment.endpoints(); ++i) {
    add_client(segment.endpoint(i), view);
  }
  add_latency(segment, view);
  return view;
}

}  // namespace mabeam

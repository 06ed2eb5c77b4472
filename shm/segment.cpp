#include "shm/segment.hpp"

#include "shm/blocks.hpp"
#include "shm/event_log.hpp"
#include "shm/span_ring.hpp"
#include "shm/spsc_ring.hpp"

#include <algorithm>
#include <new>

namespace mabeam::shm {

NoticeQueue& Segment::notices(std::uint32_t endpoint) const {
  const std::uint64_t stride = align_up(sizeof(NoticeQueue), kLinePair);
  return *reinterpret_cast<NoticeQueue*>(base_ + layout_[Region::notices].offset +
                                         endpoint * stride);
}

Symbols Segment::symbols() const {
  const Dimensions& d = dimensions();
  const std::uint64_t bytes = Symbols::bytes_for(d.symbol_slots, d.symbol_text_bytes);
  return {{at<std::byte>(Region::symbols), bytes}, d.symbol_slots};
}

TypeTable Segment::types() const {
  return TypeTable{{at<std::byte>(Region::types), TypeTable::kBytes}};
}

AgentTable Segment::agents(std::uint32_t shard) const {
  const Dimensions& d = dimensions();
  const std::uint64_t first = std::uint64_t{shard} * d.agents_per_shard;
  const std::uint64_t states =
      std::uint64_t{d.agents_per_shard} * 2 * half_stride(d.max_state_bytes);
  auto* records = at<AgentRecord>(Region::agents);
  auto* profiles =
      reinterpret_cast<AgentProfile*>(records + std::uint64_t{d.shards} * d.agents_per_shard);
  return {{records + first, d.agents_per_shard},
          profiles + first,
          {at<std::byte>(Region::states) + shard * states, states},
          {at<Word>(Region::names) + std::uint64_t{shard} * d.names_per_shard, d.names_per_shard},
          d.max_state_bytes};
}

SubscriptionTable Segment::subscriptions(std::uint32_t endpoint) const {
  const Dimensions& d = dimensions();
  auto* first = at<Subscription>(Region::subscriptions);
  if (is_shard(endpoint)) {
    return {first + std::uint64_t{endpoint - 1} * d.subscriptions_per_endpoint,
            d.subscriptions_per_endpoint};
  }
  if (!is_client(endpoint)) return {};
  first += std::uint64_t{d.shards} * d.subscriptions_per_endpoint;
  return {first + std::uint64_t{endpoint - first_client()} * kClientSubscriptions,
          kClientSubscriptions};
}

TimerTable Segment::timers(std::uint32_t shard) const {
  const std::uint32_t count = dimensions().timers_per_shard;
  return {at<TimerRecord>(Region::timers) + std::uint64_t{shard} * count, count};
}

MetadataTable Segment::metadata(std::uint32_t shard) const {
  const std::uint32_t count = dimensions().metadata_per_shard;
  return {at<MetadataRecord>(Region::metadata) + std::uint64_t{shard} * count, count};
}

std::span<std::byte> Segment::spans(std::uint32_t endpoint) const {
  if (!is_shard(endpoint) && !is_client(endpoint)) return {};
  const std::uint64_t bytes = sizeof(SpanRingHeader) + dimensions().span_bytes;
  return {at<std::byte>(Region::spans) + (endpoint - 1) * bytes, bytes};
}

std::span<std::byte> Segment::dead_letters(std::uint32_t shard) const {
  const std::uint64_t bytes = log_bytes_for(0, dimensions().dead_letter_bytes);
  return {at<std::byte>(Region::dead_letters) + shard * bytes, bytes};
}

std::span<std::byte> Segment::log(std::uint32_t endpoint) const {
  const std::uint64_t bytes = log_bytes_for(endpoints(), dimensions().log_bytes);
  return {at<std::byte>(Region::logs) + endpoint * bytes, bytes};
}

// Channels in memory: shard to shard first, then client to shard, then shard to client.
std::span<std::byte> Segment::ring(std::uint32_t source, std::uint32_t target,
                                   Priority priority) const {
  const Dimensions& d = dimensions();
  const std::uint64_t shards = d.shards;
  std::uint64_t channel = 0;
  if (is_shard(source) && is_shard(target)) {
    channel = (source - 1) * shards + (target - 1);
  } else if (is_client(source) && is_shard(target)) {
    channel = shards * shards + (source - first_client()) * shards + (target - 1);
  } else if (is_shard(source) && is_client(target)) {
    channel = shards * (shards + d.clients) + (target - first_client()) * shards + (source - 1);
  } else {
    return {};
  }
  std::uint64_t offset = 0;
  std::uint64_t channel_bytes = 0;
  const auto wanted = static_cast<std::size_t>(priority);
  for (std::size_t i = 0; i < kPriorities; ++i) {
    if (i == wanted) offset = channel_bytes;
    channel_bytes += sizeof(RingHeader) + d.ring_bytes[i];
  }
  return {at<std::byte>(Region::channels) + channel * channel_bytes + offset,
          sizeof(RingHeader) + d.ring_bytes[wanted]};
}

std::span<std::byte> Segment::parking(std::uint32_t shard) const {
  const std::uint64_t bytes = sizeof(RingHeader) + parking_bytes(dimensions());
  return {at<std::byte>(Region::parking) + shard * bytes, bytes};
}

std::span<std::byte> Segment::blocks(std::uint32_t endpoint) const {
  const std::uint64_t bytes = dimensions().block_bytes;
  if (endpoint == 0 || bytes == 0) return {};
  return {at<std::byte>(Region::blocks) + (endpoint - 1) * arena_stride(bytes),
          arena_bytes_for(bytes)};
}

Doorbell* Segment::doorbell_of(std::uint32_t index) const {
  EndpointSlot& slot = endpoint(index);
  if (is_client(index)) return &slot.doorbell;
  const Incarnation owner{slot.owner.load(std::memory_order_relaxed)};
  if (!owner || owner.worker() >= kMaxWorkers) return nullptr;
  return &worker(owner.worker()).doorbell;
}

void Segment::announce(std::uint32_t source, std::uint32_t target) const {
  Word& word = endpoint(target).ready[source / 64];
  const std::uint64_t bit = std::uint64_t{1} << (source % 64);
  // The fence before this call orders the publish with this load, so a bit that is seen set will be
  // polled after our publish, or was polled already and saw it (doorbell.hpp, invariant 1).
  if ((word.load(std::memory_order_relaxed) & bit) == 0) {
    word.fetch_or(bit, std::memory_order_seq_cst);
  }
  if (Doorbell* bell = doorbell_of(target)) ring_if_sleeping(*bell);
}

bool Segment::is_alive(AgentId id) const {
  const auto endpoint = static_cast<std::uint32_t>(id.endpoint());
  const std::uint64_t size = dimensions().agents_per_shard;
  if (!is_shard(endpoint) || id.slot() >= size) return false;
  const std::uint64_t index = (endpoint - 1) * size + id.slot();
  return AgentTable::is_alive(at<AgentRecord>(Region::agents)[index], id);
}

Symbol Segment::type_of(AgentId id) const {
  const auto endpoint = static_cast<std::uint32_t>(id.endpoint());
  if (!is_shard(endpoint) || id.slot() >= dimensions().agents_per_shard) return Symbol::none;
  return agents(endpoint - 1).record(id.slot()).type;
}

bool Segment::exists(AgentId id) const {
  const auto endpoint = static_cast<std::uint32_t>(id.endpoint());
  return is_shard(endpoint) && agents(endpoint - 1).exists(id);
}

Result<AgentId> Segment::find_agent(std::string_view agent) const {
  const std::uint64_t hash = hash_name(agent);
  const std::uint32_t shard = shard_of_hash(hash, dimensions().shards);
  const std::optional<AgentTable::Named> found = agents(shard).find_name(agent, hash);
  if (!found) return fail(Errc::not_found);
  return AgentId{static_cast<EndpointId>(endpoint_of_shard(shard)), found->slot,
                 found->slot_word.generation};
}

std::uint64_t Segment::live_agents() const {
  std::uint64_t live = 0;
  for (std::uint32_t shard = 0; shard < dimensions().shards; ++shard) {
    const TurnRegion& region = turn(shard);
    live += region.record[region.record_version.load(std::memory_order_acquire) & 1U].agents_live;
  }
  return live;
}

bool Segment::is_closed(std::uint32_t shard) const {
  const std::uint64_t placement =
      endpoint(endpoint_of_shard(shard)).placement.load(std::memory_order_relaxed);
  if (placement == 0 || placement > kMaxWorkers) return false;
  return limits().workers[placement - 1].is_closed.load(std::memory_order_relaxed) != 0;
}

std::uint64_t Segment::reserved_agents() const {
  std::uint64_t reserved = 0;
  for (std::uint32_t i = 0; i < endpoints(); ++i) {
    reserved += endpoint(i).reserved_agents.load(std::memory_order_seq_cst);
  }
  return reserved;
}

void Segment::lay_out_rings_and_logs() const {
  for (std::uint32_t source = 0; source < endpoints(); ++source) {
    new (&notices(source)) NoticeQueue;
    create_log(log(source), endpoints());
    if (source != 0) create_span_ring(spans(source));
    if (const std::span<std::byte> arena = blocks(source); !arena.empty()) create_arena(arena);
    for (std::uint32_t target = 0; target < endpoints(); ++target) {
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        const std::span<std::byte> bytes = ring(source, target, priority);
        if (!bytes.empty()) create_ring(bytes);
      }
    }
  }
  for (std::uint32_t shard = 0; shard < dimensions().shards; ++shard) {
    create_log(dead_letters(shard), 0);
    create_ring(parking(shard));
  }
}

}  // namespace mabeam::shm

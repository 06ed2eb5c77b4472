#include "shm/layout.hpp"

#include "shm/backtraces.hpp"
#include "shm/blocks.hpp"
#include "shm/event_log.hpp"
#include "shm/flight_recorder.hpp"
#include "shm/limits.hpp"
#include "shm/metadata.hpp"
#include "shm/metrics.hpp"
#include "shm/notices.hpp"
#include "shm/registry.hpp"
#include "shm/span_ring.hpp"
#include "shm/subscriptions.hpp"
#include "shm/symbols.hpp"
#include "shm/timers.hpp"
#include "shm/turn.hpp"
#include "shm/type_table.hpp"
#include "shm/wire.hpp"

#include <algorithm>
#include <bit>
#include <initializer_list>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kMinRing = 4U << 10U;
constexpr std::uint64_t kMaxRing = 256ULL << 20U;
constexpr std::uint64_t kMinLog = 64U << 10U;
constexpr std::uint64_t kMaxLog = 4ULL << 30U;
constexpr std::uint32_t kSymbolSlots = 32768;
constexpr std::uint32_t kSymbolTextBytes = 1U << 20U;
constexpr std::uint64_t kDeadLetterBytes = 64U << 10U;
constexpr std::uint64_t kMinParking = 64U << 10U;
constexpr std::uint64_t kMaxParking = 1U << 20U;
constexpr std::uint64_t kMinSpans = 4U << 10U;
constexpr std::uint64_t kMaxSpans = 64ULL << 20U;
constexpr std::uint64_t kDefaultSpans = 32U << 10U;
constexpr std::uint64_t kMinBlocks = 4U << 10U;
constexpr std::uint64_t kMaxBlocks = 1ULL << 30U;
constexpr std::uint64_t kLeastDefaultBlocks = 64U << 10U;
constexpr std::uint64_t kLargestDefaultBlocks = 1U << 20U;
constexpr std::uint64_t kRecorderFacts = 2048;
constexpr std::array<std::uint64_t, kPriorities> kLargestDefault{16U << 10U, 64U << 10U,
                                                                 16U << 10U};

bool is_power_between(std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  return std::has_single_bit(value) && value >= low && value <= high;
}

bool is_valid(const Dimensions& d) {
  bool valid = d.workers >= 1 && d.workers <= kMaxWorkers && d.shards >= 1 &&
               d.shards <= kMaxShards && d.clients >= 1 && d.clients <= kMaxClients;
  valid = valid && d.max_agents >= 1 && d.max_agents <= kMaxAgents &&
          d.max_state_bytes <= kMaxStateBytes && d.agents_per_shard >= 1 &&
          d.agents_per_shard < AgentId::kClientSlot;
  valid = valid && is_power_between(d.names_per_shard, 2, 1ULL << 26U) &&
          d.subscriptions_per_endpoint >= 1 && d.subscriptions_per_endpoint <= 1U << 26U &&
          d.timers_per_shard >= 1 && d.timers_per_shard <= kMaxTimers &&
          d.metadata_per_shard >= 2 && d.metadata_per_shard <= kMaxAgents;
  valid = valid && is_power_between(d.symbol_slots, 16, 1U << 24U) && d.symbol_text_bytes >= 256 &&
          d.symbol_text_bytes <= 1U << 30U;
  for (const std::uint64_t bytes : d.ring_bytes) {
    valid = valid && is_power_between(bytes, kMinRing, kMaxRing);
  }
  return valid && is_power_between(d.log_bytes, kMinLog, kMaxLog) &&
         is_power_between(d.dead_letter_bytes, kMinRing, kMaxLog) &&
         is_power_between(d.span_bytes, kMinSpans, kMaxSpans) &&
         is_power_between(d.recorder_facts, 16, 65536) &&
         (d.block_bytes == 0 || is_power_between(d.block_bytes, kMinBlocks, kMaxBlocks));
}

std::uint64_t channels_of(const Dimensions& d) {
  const std::uint64_t shards = d.shards;
  return shards * shards + 2 * shards * d.clients;
}

std::uint64_t region_bytes(Region region, const Dimensions& d) {
  const std::uint64_t agents = std::uint64_t{d.shards} * d.agents_per_shard;
  switch (region) {
    case Region::header:
      return 4096;
    case Region::workers:
      return kMaxWorkers * sizeof(WorkerSlot);
    case Region::endpoints:
      return d.endpoints() * sizeof(EndpointSlot);
    case Region::notices:
      return d.endpoints() * align_up(sizeof(NoticeQueue), kLinePair);
    case Region::symbols:
      return Symbols::bytes_for(d.symbol_slots, d.symbol_text_bytes);
    case Region::types:
      return TypeTable::kBytes;
    case Region::breakers:
      return (kMaxWorkers + d.shards + kNamedBreakers) * sizeof(BreakerSlot);
    case Region::turns:
      return d.shards * sizeof(TurnRegion);
    case Region::metrics:
      return d.shards * sizeof(ShardMetrics);
    case Region::spans:
      return (std::uint64_t{d.shards} + d.clients) * (sizeof(SpanRingHeader) + d.span_bytes);
    case Region::recorder:
      return FactSlots::bytes_for(d.recorder_facts);
    case Region::backtraces:
      return BacktraceSlots::bytes_for(backtraces_kept(d));
    case Region::limits:
      return sizeof(LimitsRegion);
    case Region::agents:
      return agents * (sizeof(AgentRecord) + sizeof(AgentProfile));
    case Region::states:
      return agents * 2 * half_stride(d.max_state_bytes);
    case Region::names:
      return std::uint64_t{d.shards} * d.names_per_shard * sizeof(Word);
    case Region::subscriptions:
      return (std::uint64_t{d.shards} * d.subscriptions_per_endpoint +
              std::uint64_t{d.clients} * kClientSubscriptions) *
             sizeof(Subscription);
    case Region::timers:
      return std::uint64_t{d.shards} * d.timers_per_shard * sizeof(TimerRecord);
    case Region::metadata:
      return std::uint64_t{d.shards} * d.metadata_per_shard * sizeof(MetadataRecord);
    case Region::dead_letters:
      return d.shards * log_bytes_for(0, d.dead_letter_bytes);
    case Region::logs:
      return d.endpoints() * log_bytes_for(d.endpoints(), d.log_bytes);
    case Region::channels: {
      std::uint64_t channel = 0;
      for (const std::uint64_t bytes : d.ring_bytes)
        channel += sizeof(RingHeader) + bytes;
      return channels_of(d) * channel;
    }
    case Region::parking:
      return d.shards * (sizeof(RingHeader) + parking_bytes(d));
    case Region::blocks:
      return (d.shards + d.clients) * arena_stride(d.block_bytes);
  }
  return 0;
}

Layout lay_out(const Dimensions& dimensions) {
  Layout layout{dimensions, {}, 0};
  for (std::size_t i = 0; i < kRegions; ++i) {
    const std::uint64_t bytes = align_up(region_bytes(static_cast<Region>(i), dimensions), 4096);
    layout.regions[i] = {layout.total_bytes, bytes};
    layout.total_bytes += bytes;
  }
  return layout;
}

// A named agent's shard is its name's hash, so shards fill unevenly: a quarter more than the mean.
std::uint32_t agents_per_shard(std::uint32_t max_agents, std::uint32_t shards) {
  const std::uint64_t mean = (std::uint64_t{max_agents} + shards - 1) / shards;
  const std::uint64_t room = shards == 1 ? mean : mean + mean / 4 + 64;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>({room, max_agents, AgentId::kClientSlot - 1}));
}

/// Halves what was left open until the budget holds, not under the least sizes: the blocks, then
/// the largest of the rings.
void shrink(Dimensions& d, bool are_blocks_open, const std::array<bool, kPriorities>& is_open,
            std::uint64_t budget) {
  while (are_blocks_open && d.block_bytes > kLeastDefaultBlocks && lay_out(d).total_bytes > budget)
    d.block_bytes /= 2;
  while (lay_out(d).total_bytes > budget) {
    std::size_t largest = kPriorities;
    for (std::size_t i = 0; i < kPriorities; ++i) {
      if (!is_open[i] || d.ring_bytes[i] <= kMinRing) continue;
      if (largest == kPriorities || d.ring_bytes[i] > d.ring_bytes[largest]) largest = i;
    }
    if (largest == kPriorities) return;
    d.ring_bytes[largest] /= 2;
  }
}

}  // namespace

std::uint64_t parking_bytes(const Dimensions& dimensions) {
  const auto& rings = dimensions.ring_bytes;
  return std::clamp(2 * *std::max_element(rings.begin(), rings.end()), kMinParking, kMaxParking);
}

std::uint64_t backtraces_kept(const Dimensions& dimensions) {
  return std::max<std::uint64_t>(2, dimensions.recorder_facts / 64);
}

std::string_view region_name(Region region) {
  static constexpr std::array<std::string_view, kRegions> kNames{
      "header",   "workers",      "endpoints", "notices",  "symbols",       "types",
      "breakers", "turns",        "metrics",   "spans",    "recorder",      "backtraces",
      "limits",   "agents",       "states",    "names",    "subscriptions", "timers",
      "metadata", "dead_letters", "logs",      "channels", "parking",       "blocks"};
  return kNames[static_cast<std::size_t>(region)];
}

void fill_derived(Dimensions& d) {
  d.agents_per_shard = agents_per_shard(d.max_agents, d.shards);
  d.names_per_shard = static_cast<std::uint32_t>(
      std::max<std::uint64_t>(16, std::bit_ceil(std::uint64_t{d.agents_per_shard} * 2)));
  d.subscriptions_per_endpoint = d.agents_per_shard + 1024;
  d.timers_per_shard = d.agents_per_shard / 4 + 256;
  d.metadata_per_shard = std::max(64U, d.agents_per_shard / 8);
}

Result<Dimensions> choose_dimensions(const DimensionRequest& request, std::uint32_t cores,
                                     std::uint64_t budget) {
  Dimensions d;
  d.workers = request.workers.value_or(std::clamp(cores, 1U, kMaxWorkers));
  d.shards = request.shards.value_or(std::clamp(d.workers * 2, 4U, kMaxShards));
  d.clients = request.clients;
  d.max_agents = request.max_agents;
  d.max_state_bytes = request.max_state_bytes;
  d.symbol_slots = kSymbolSlots;
  d.symbol_text_bytes = kSymbolTextBytes;
  d.log_bytes = request.log_bytes;
  d.dead_letter_bytes = kDeadLetterBytes;
  d.recorder_facts = kRecorderFacts;
  const std::array wanted{request.high_bytes, request.normal_bytes, request.low_bytes};
  std::array<bool, kPriorities> is_open{};
  const auto size_channels = [&] {
    for (std::size_t i = 0; i < kPriorities; ++i) {
      is_open[i] = !wanted[i];
      d.ring_bytes[i] = wanted[i].value_or(kLargestDefault[i]);
    }
    d.span_bytes = request.span_bytes.value_or(kDefaultSpans);
    fill_derived(d);
    d.block_bytes = request.block_bytes.value_or(kLargestDefaultBlocks);
    shrink(d, !request.block_bytes, is_open, budget);
    while (!request.span_bytes && d.span_bytes > kMinSpans && lay_out(d).total_bytes > budget)
      d.span_bytes /= 2;
  };
  if (d.shards < 1 || d.shards > kMaxShards) return fail(Errc::invalid_argument);
  size_channels();
  // Channels grow with the square of the shards: where they were left open, fewer of them.
  while (!request.shards && d.shards > 4 && lay_out(d).total_bytes > budget) {
    --d.shards;
    size_channels();
  }
  if (!request.workers) d.workers = std::min(d.workers, d.shards);
  if (!is_valid(d)) return fail(Errc::invalid_argument);
  return d;
}

Result<Layout> compute_layout(const Dimensions& dimensions) {
  if (!is_valid(dimensions)) return fail(Errc::invalid_argument);
  return lay_out(dimensions);
}

std::uint64_t layout_hash() {
  std::uint64_t hash = kLayoutVersion;
  for (const std::uint64_t size :
       std::initializer_list<std::uint64_t>{sizeof(Header),
                                            offsetof(Header, dimensions),
                                            offsetof(Header, state),
                                            offsetof(Header, tunables),
                                            offsetof(Header, subscription_epoch),
                                            sizeof(Dimensions),
                                            sizeof(WorkerSlot),
                                            offsetof(WorkerSlot, order),
                                            offsetof(WorkerSlot, doorbell),
                                            sizeof(EndpointSlot),
                                            offsetof(EndpointSlot, placement),
                                            offsetof(EndpointSlot, owner),
                                            sizeof(NoticeQueue),
                                            sizeof(SymbolsHeader),
                                            TypeTable::kBytes,
                                            sizeof(Tunables),
                                            offsetof(Header, placements),
                                            offsetof(Header, workers),
                                            offsetof(Header, supervisor_heard_ns),
                                            offsetof(Header, facts_told),
                                            offsetof(Header, reloads),
                                            offsetof(Header, serve_listen),
                                            sizeof(Reloads),
                                            sizeof(BreakerSlot),
                                            offsetof(BreakerSlot, name),
                                            kNamedBreakers,
                                            sizeof(TurnRegion),
                                            offsetof(TurnRegion, lists),
                                            sizeof(ShardRecord),
                                            sizeof(RedoList),
                                            sizeof(ShardMetrics),
                                            offsetof(ShardMetrics, longest_turn_ns),
                                            sizeof(SpanRingHeader),
                                            sizeof(SpanRecord),
                                            sizeof(FactSlots::Slot),
                                            sizeof(BacktraceSlots::Slot),
                                            sizeof(TraceContext),
                                            sizeof(LimitsRegion),
                                            offsetof(LimitsRegion, settings),
                                            offsetof(LimitsRegion, rates),
                                            offsetof(LimitsRegion, client_rates),
                                            offsetof(LimitsRegion, type_rates),
                                            offsetof(LimitsRegion, workers),
                                            sizeof(AgentRecord),
                                            offsetof(AgentRecord, name_head),
                                            sizeof(AgentProfile),
                                            offsetof(AgentProfile, capabilities),
                                            offsetof(AgentProfile, metadata),
                                            sizeof(MetadataRecord),
                                            sizeof(StateHeader),
                                            sizeof(Subscription),
                                            sizeof(TimerRecord),
                                            offsetof(TimerRecord, asked),
                                            sizeof(LogHeader),
                                            offsetof(LogHeader, high_water),
                                            offsetof(LogHeader, evicted),
                                            sizeof(LogCursor),
                                            sizeof(ArenaHeader),
                                            sizeof(BlockHeader),
                                            sizeof(BlockHandle),
                                            sizeof(RingHeader),
                                            offsetof(RingHeader, high_water),
                                            sizeof(RecordHeader),
                                            sizeof(MessageHeader),
                                            sizeof(CreateRequest),
                                            kRegions,
                                            kRedoEntries,
                                            kMaxEndpoints,
                                            kClientSubscriptions}) {
    hash = (hash ^ size) * 0x100000001B3;
    hash ^= hash >> 29U;
  }
  return hash;
}

std::uint64_t header_checksum(const Header& header) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  std::uint64_t hash = 0xCBF29CE484222325;
  for (std::size_t i = 0; i < offsetof(Header, checksum); ++i) {
    hash = (hash ^ bytes[i]) * 0x100000001B3;
  }
  return hash;
}

}  // namespace mabeam::shm

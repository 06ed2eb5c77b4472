#include "shm/client_create.hpp"

#include "shm/client_batch.hpp"
#include "shm/client_bulk.hpp"
#include "shm/metadata.hpp"
#include "shm/topics.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace mabeam::shm {
namespace {

/// At least this long is spent on ending what a failed create has made.
constexpr std::chrono::seconds kUndoTime{1};

/// The word that says how many agents its owner is about to make; 0 again when this ends.
class Reservation {
 public:
  Reservation(Word& word, std::uint64_t count) : word_(word) {
    word_.store(count, std::memory_order_seq_cst);
  }

  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  ~Reservation() { word_.store(0, std::memory_order_seq_cst); }

  /// That many of them have been made, and are counted by their shard.
  void use(std::uint64_t count) {
    word_.store(word_.load(std::memory_order_relaxed) - count, std::memory_order_release);
  }

 private:
  Word& word_;
};

std::uint64_t agents_of(const Segment& segment, std::uint32_t shard) {
  const TurnRegion& region = segment.turn(shard);
  return region.record[region.record_version.load(std::memory_order_acquire) & 1U].agents_live;
}

/// One create: which shard, how many agents.
struct Portion {
  std::uint32_t shard = 0;
  std::uint32_t count = 0;
};

std::vector<Portion> divide(const std::vector<std::uint64_t>& counts, std::uint64_t most) {
  std::vector<Portion> portions;
  for (std::uint32_t shard = 0; shard < counts.size(); ++shard) {
    for (std::uint64_t left = counts[shard]; left != 0;) {
      const auto count = static_cast<std::uint32_t>(std::min(left, most));
      portions.push_back({shard, count});
      left -= count;
    }
  }
  return portions;
}

/// Takes the creates that are too much for one turn apart: one agent each.
std::vector<Portion> take_apart(const std::vector<Portion>& portions) {
  std::vector<Portion> single;
  for (const Portion& portion : portions)
    single.insert(single.end(), portion.count, {portion.shard, 1});
  return single;
}

class Creation {
 public:
  Creation(ClientCore& core, Symbol type, const CreateRequest& request, const AgentOptions& options,
           Reservation& reservation, const OnCreated& on_created)
      : core_(core),
        request_(request),
        options_(options),
        reservation_(reservation),
        on_created_(on_created),
        form_{Kind::create, Priority::normal, {}, {}} {
    form_.header.symbol = type;
    form_.header.content = static_cast<std::uint32_t>(Content::bytes);
  }

  /// Sends the creates and gathers the ids. Errors: the first refusal.
  Result<> make(const std::vector<Portion>& portions, std::int64_t deadline_ns) {
    std::vector<Portion> too_large;
    if (const Result<> done = ask_for(portions, deadline_ns, too_large); !done) return done;
    return ask_for(take_apart(too_large), deadline_ns, too_large);
  }

  [[nodiscard]] std::vector<AgentId>& made() { return made_; }

 private:
  Result<> ask_for(const std::vector<Portion>& portions, std::int64_t deadline_ns,
                   std::vector<Portion>& too_large) {
    std::vector<std::vector<std::byte>> payloads;
    payloads.reserve(portions.size());
    ClientBatch batch{core_, form_};
    for (const Portion& portion : portions) {
      CreateRequest request = request_;
      request.count = portion.count;
      payloads.push_back(create_payload(request, options_.metadata, options_.initial.bytes()));
      batch.add({shard_target(portion.shard), payloads.back(),
                 ClientCalls::rooms_for(portion.count * sizeof(AgentId))});
    }
    std::optional<Error> refusal;
    const Result<> run = batch.run(deadline_ns, [&](std::size_t number, const auto& answer) {
      const Portion& portion = portions[number];
      if (!answer && portion.count > 1 && is_too_much_at_once(answer.error().code)) {
        too_large.push_back(portion);
        return true;
      }
      const Result<> taken = answer ? take_ids(portion, answer->bytes) : fail(answer.error());
      if (!taken && !refusal) refusal = taken.error();
      return !refusal;
    });
    if (refusal) return fail(*refusal);
    return run;
  }

  Result<> take_ids(const Portion& portion, std::span<const std::byte> bytes) {
    const auto ids =
        created_agents(core_.segment, Segment::endpoint_of_shard(portion.shard), bytes);
    if (!ids) return fail(ids.error());
    made_.insert(made_.end(), ids->begin(), ids->end());
    reservation_.use(std::min<std::uint64_t>(ids->size(), portion.count));
    if (ids->size() != portion.count) return fail(Errc::corrupt);
    if (on_created_) on_created_(made_.size());
    return {};
  }

  ClientCore& core_;
  const CreateRequest& request_;
  const AgentOptions& options_;
  Reservation& reservation_;
  const OnCreated& on_created_;
  Outgoing form_;
  std::vector<AgentId> made_;
};

/// The least level up to which shards of those loads are filled, so that `count` find room.
std::uint64_t level_for(const std::vector<std::uint64_t>& loads, std::uint64_t capacity,
                        std::uint64_t count) {
  std::uint64_t low = 0;
  std::uint64_t high = capacity;
  while (low < high) {
    const std::uint64_t level = low + (high - low) / 2;
    std::uint64_t room = 0;
    for (const std::uint64_t load : loads)
      room += level - std::min(level, load);
    if (room >= count) {
      high = level;
    } else {
      low = level + 1;
    }
  }
  return low;
}

}  // namespace

Result<CreateRequest> make_create_request(Symbols symbols, std::size_t count,
                                          const AgentOptions& options) {
  const bool has_name = !options.name.empty();
  if (count == 0 || (has_name && count != 1)) return fail(Argument::agent_count);
  if (has_name && !is_agent_name(options.name)) return fail(Argument::agent_name);
  if (options.capabilities.size() > kMaxCapabilities) return fail(Argument::capabilities);
  if (options.subscribe.size() > kMaxCreateSubscriptions) return fail(Argument::subscriptions);
  if (!is_metadata(options.metadata)) return fail(Argument::metadata);
  CreateRequest request;
  request.metadata_length = static_cast<std::uint32_t>(options.metadata.size());
  request.parent = options.parent.value();
  request.name_length = static_cast<std::uint32_t>(options.name.size());
  std::copy(options.name.begin(), options.name.end(), request.name.begin());
  for (const std::string_view pattern : options.subscribe) {
    if (const Result<> checked = check_pattern(pattern); !checked) return fail(checked.error());
    const Result<Symbol> symbol = symbols.intern(pattern);
    if (!symbol) return fail(symbol.error());
    request.subscriptions[request.subscription_count++] = *symbol;
  }
  for (const std::string_view capability : options.capabilities) {
    const Result<Symbol> symbol = symbols.intern(capability);
    if (!symbol) return fail(symbol.error());
    request.capabilities[request.capability_count++] = *symbol;
  }
  return request;
}

std::vector<std::byte> create_payload(const CreateRequest& request, std::string_view metadata,
                                      std::span<const std::byte> initial) {
  std::vector<std::byte> payload;
  payload.reserve(sizeof request + metadata.size() + initial.size());
  for (const std::span<const std::byte> part :
       {std::as_bytes(std::span{&request, 1}), std::as_bytes(std::span{metadata}), initial}) {
    payload.insert(payload.end(), part.begin(), part.end());
  }
  return payload;
}

Result<std::vector<std::uint64_t>> place_agents(const Segment& segment, std::string_view name,
                                                std::size_t count, std::uint32_t first) {
  const Dimensions& d = segment.dimensions();
  std::vector<std::uint64_t> counts(d.shards);
  if (!name.empty()) {
    const std::uint32_t shard = shard_of_name(name, d.shards);
    if (segment.is_closed(shard)) return fail(Errc::over_limit);
    counts[shard] = 1;
    return counts;
  }
  std::vector<std::uint64_t> loads(d.shards, d.agents_per_shard);
  bool is_any_closed = false;
  for (std::uint32_t shard = 0; shard < d.shards; ++shard) {
    const EndpointSlot& slot = segment.endpoint(Segment::endpoint_of_shard(shard));
    const bool is_closed = segment.is_closed(shard);
    is_any_closed = is_any_closed || is_closed;
    if (slot.parked.load(std::memory_order_relaxed) != 0 || is_closed) continue;
    loads[shard] = agents_of(segment, shard);
  }
  const std::uint64_t level = level_for(loads, d.agents_per_shard, count);
  std::uint64_t placed = 0;
  for (std::uint32_t shard = 0; shard < d.shards; ++shard)
    placed += counts[shard] = level - std::min(level, loads[shard]);
  if (placed < count) return fail(is_any_closed ? Errc::over_limit : Errc::too_many_agents);
  // Fewer than there are shards at the level are too many: the last ones, counted from `first`.
  for (std::uint32_t i = d.shards; placed > count; --i) {
    std::uint64_t& of_shard = counts[(first + i - 1) % d.shards];
    if (of_shard == 0) continue;
    --of_shard;
    --placed;
  }
  return counts;
}

std::uint32_t agents_per_message(const CreateRequest& request) {
  return std::min(kMostInOneMessage, kMostChangesOfMessage / (2 + request.subscription_count));
}

Result<std::vector<AgentId>> create_agents(ClientCore& core, std::string_view type,
                                           std::size_t count, const AgentOptions& options,
                                           std::chrono::nanoseconds timeout,
                                           const OnCreated& on_created) {
  const std::int64_t deadline_ns = deadline_after(timeout);
  const Result<CreateRequest> request = make_create_request(core.symbols, count, options);
  if (!request) return core.refuse(request.error());
  if (options.parent && !core.is_agent(options.parent)) return core.refuse({Errc::not_found});
  const std::uint64_t max_agents = core.segment.dimensions().max_agents;
  if (count > max_agents) return core.refuse({Errc::too_many_agents});
  const Result<Symbol> symbol = core.intern(type);
  if (!symbol) return fail(symbol.error());
  Reservation reservation{core.endpoint.slot().reserved_agents, count};
  if (core.segment.live_agents() + core.segment.reserved_agents() > max_agents) {
    return core.refuse({Errc::too_many_agents});
  }
  const auto counts = place_agents(core.segment, options.name, count, core.endpoint.index());
  if (!counts) return core.refuse(counts.error());
  const Result<> may = core.rates.take(RateKind::agent_creation, count, [&] { return *symbol; });
  if (!may) return core.refuse(may.error());
  Creation creation{core, *symbol, *request, options, reservation, on_created};
  creation.made().reserve(count);
  const Result<> all = creation.make(divide(*counts, agents_per_message(*request)), deadline_ns);
  if (all) return std::move(creation.made());
  // One that is gone already is as good; what cannot be reached cannot be undone.
  (void)stop_many(core, creation.made(), std::max(deadline_ns, deadline_after(kUndoTime)));
  return fail(all.error());
}

}  // namespace mabeam::shm

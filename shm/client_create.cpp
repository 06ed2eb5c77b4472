#include "shm/client_create.hpp"

#include "shm/client_batch.hpp"
#include "shm/topics.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <utility>

namespace mabeam::shm {
namespace {

/// At least this long is spent on ending what a failed create has made.
constexpr std::chrono::seconds kUndoTime{1};

bool is_agent_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

/// The word that says how many agents its owner is about to make; 0 again when this ends.
class Reservation {
 public:
  Reservation(Word& word, std::uint64_t count) : word_(word) {
    word_.store(count, std::memory_order_seq_cst);
  }

  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  ~Reservation() { word_.store(0, std::memory_order_seq_cst); }

  /// One of them has been made, and is counted by its shard.
  void use_one() {
    word_.store(word_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  }

 private:
  Word& word_;
};

std::uint64_t agents_of(const Segment& segment, std::uint32_t shard) {
  const TurnRegion& region = segment.turn(shard);
  return region.record[region.record_version.load(std::memory_order_acquire) & 1U].agents_live;
}

AgentId shard_target(std::uint32_t shard) {
  return {static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), 0, 0};
}

void stop_all(ClientCore& core, const std::vector<AgentId>& agents, std::int64_t deadline_ns) {
  ClientBatch batch{core, {Kind::stop, Priority::normal, {}, {}}};
  for (const AgentId agent : agents)
    batch.add(agent);
  // One that is gone already is as good; what cannot be reached cannot be undone.
  (void)batch.run(deadline_ns, [](AgentId, const Result<ClientReply>&) { return true; });
}

/// Sends the creates and gathers the ids. Errors: the first refusal.
Result<> make_all(ClientCore& core, ClientBatch& batch, std::int64_t deadline_ns,
                  Reservation& reservation, std::vector<AgentId>& made) {
  std::optional<Error> refusal;
  const Result<> run = batch.run(deadline_ns, [&](AgentId target, const auto& answer) {
    const Result<AgentId> id =
        answer ? created_agent(core.segment, static_cast<std::uint32_t>(target.endpoint()),
                               answer->payload())
               : Result<AgentId>{fail(answer.error())};
    if (id) {
      made.push_back(*id);
      reservation.use_one();
    } else if (!refusal) {
      refusal = id.error();
    }
    return !refusal;
  });
  if (refusal) return fail(*refusal);
  return run;
}

}  // namespace

Result<CreateRequest> make_create_request(Symbols symbols, std::size_t count,
                                          const AgentOptions& options) {
  const bool has_name = !options.name.empty();
  if (count == 0 || (has_name && (count != 1 || !is_agent_name(options.name))) ||
      options.capabilities.size() > kMaxCapabilities ||
      options.subscribe.size() > kMaxCreateSubscriptions) {
    return fail(Errc::invalid_argument);
  }
  CreateRequest request;
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

Result<std::vector<AgentId>> place_agents(const Segment& segment, std::string_view name,
                                          std::size_t count, std::uint32_t first) {
  const Dimensions& d = segment.dimensions();
  if (!name.empty()) return std::vector{shard_target(shard_of_name(name, d.shards))};
  using Load = std::pair<std::uint64_t, std::uint32_t>;  // agents, shard counted from `first`
  std::priority_queue<Load, std::vector<Load>, std::greater<>> shards;
  for (std::uint32_t i = 0; i < d.shards; ++i) {
    const std::uint32_t shard = (first + i) % d.shards;
    const EndpointSlot& slot = segment.endpoint(Segment::endpoint_of_shard(shard));
    if (slot.parked.load(std::memory_order_relaxed) == 0)
      shards.push({agents_of(segment, shard), i});
  }
  std::vector<AgentId> targets;
  targets.reserve(count);
  while (targets.size() < count) {
    if (shards.empty()) return fail(Errc::too_many_agents);
    const auto [agents, i] = shards.top();
    shards.pop();
    if (agents >= d.agents_per_shard) continue;
    targets.push_back(shard_target((first + i) % d.shards));
    shards.push({agents + 1, i});
  }
  return targets;
}

Result<std::vector<AgentId>> create_agents(ClientCore& core, std::string_view type,
                                           std::size_t count, const AgentOptions& options,
                                           std::chrono::nanoseconds timeout) {
  const std::int64_t deadline_ns = deadline_after(timeout);
  const Result<CreateRequest> request = make_create_request(core.symbols, count, options);
  if (!request) return fail(request.error());
  const std::uint64_t max_agents = core.segment.dimensions().max_agents;
  if (count > max_agents) return core.refuse({Errc::too_many_agents});
  const Result<Symbol> symbol = core.symbols.intern(type);
  if (!symbol) return fail(symbol.error());
  Reservation reservation{core.endpoint.slot().reserved_agents, count};
  if (core.segment.live_agents() + core.segment.reserved_agents() > max_agents) {
    return core.refuse({Errc::too_many_agents});
  }
  const auto targets = place_agents(core.segment, options.name, count, core.endpoint.index());
  if (!targets) return core.refuse(targets.error());
  Outgoing question{Kind::create, Priority::normal, {}, std::as_bytes(std::span{&*request, 1})};
  question.header.symbol = *symbol;
  question.header.content = static_cast<std::uint32_t>(Content::bytes);
  ClientBatch batch{core, question};
  for (const AgentId target : *targets)
    batch.add(target);
  std::vector<AgentId> made;
  made.reserve(count);
  if (const Result<> all = make_all(core, batch, deadline_ns, reservation, made); !all) {
    stop_all(core, made, std::max(deadline_ns, deadline_after(kUndoTime)));
    return fail(all.error());
  }
  return made;
}

}  // namespace mabeam::shm

// The views of agents: all that match, one, and the one of a name.
#include "shm/observer_impl.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>

namespace mabeam {
namespace {

using shm::AgentFacts;
using shm::Segment;

std::optional<std::uint32_t> worker_of(const shm::EndpointSlot& slot) {
  const shm::Incarnation owner{slot.owner.load(std::memory_order_acquire)};
  if (!owner || owner.worker() >= shm::kMaxWorkers) return std::nullopt;
  return owner.worker();
}

AgentView view_of(const Segment& segment, std::uint32_t shard, std::uint32_t slot,
                  const AgentFacts& facts) {
  const shm::Symbols symbols = segment.symbols();
  const std::uint32_t endpoint = Segment::endpoint_of_shard(shard);
  AgentView view;
  view.id = {static_cast<EndpointId>(endpoint), slot, facts.slot_word.generation};
  view.name = facts.name_text();
  view.type = symbols.text(facts.type);
  view.shard = shard;
  view.worker = worker_of(segment.endpoint(endpoint));
  view.lifecycle = facts.lifecycle();
  view.version = facts.version;
  view.handled = facts.handled;
  for (std::uint8_t i = 0; i < facts.capability_count; ++i) {
    view.capabilities.emplace_back(symbols.text(facts.capabilities[i]));
  }
  return view;
}

/// A filter with its names looked up once, so that an agent is judged by comparing words.
struct Wanted {
  Symbol type{};
  Symbol capability{};
  bool nothing = false;  ///< a name that is no symbol is nobody's

  Wanted(const AgentFilter& filter, const shm::Symbols& symbols)
      : type(symbols.find(filter.type)),
        capability(symbols.find(filter.capability)),
        nothing((!filter.type.empty() && type == Symbol::none) ||
                (!filter.capability.empty() && capability == Symbol::none)) {}

  [[nodiscard]] bool has(const AgentFacts& facts) const {
    if (facts.slot_word.lifecycle == 0) return false;
    if (type != Symbol::none && facts.type != type) return false;
    if (capability == Symbol::none) return true;
    const auto* end = facts.capabilities.begin() + facts.capability_count;
    return std::find(facts.capabilities.begin(), end, capability) != end;
  }
};

bool is_free(const shm::AgentRecord& agent) {
  const auto word = shm::SlotWord::unpack(agent.slot_word.load(std::memory_order_acquire));
  return word.lifecycle == 0;
}

}  // namespace

AgentList Observer::agents(const AgentFilter& filter) const {
  const Segment& segment = impl_->segment;
  const Wanted wanted{filter, segment.symbols()};
  AgentList list;
  if (wanted.nothing) return list;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const shm::AgentTable table = segment.agents(shard);
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      if (is_free(table.record(slot))) continue;
      const std::optional<AgentFacts> facts = table.snapshot(slot);
      if (!facts || !wanted.has(*facts)) continue;
      ++list.total;
      if (filter.limit != 0 && list.agents.size() >= filter.limit) continue;
      list.agents.push_back(view_of(segment, shard, slot, *facts));
    }
  }
  return list;
}

Result<AgentView> Observer::agent(AgentId id) const {
  const Segment& segment = impl_->segment;
  const auto endpoint = static_cast<std::uint32_t>(id.endpoint());
  if (!segment.is_shard(endpoint)) return fail(Errc::not_found);
  const std::optional<AgentFacts> facts = segment.agents(endpoint - 1).snapshot(id.slot());
  if (!facts || facts->slot_word.lifecycle == 0 || facts->slot_word.generation != id.generation()) {
    return fail(Errc::not_found);
  }
  return view_of(segment, endpoint - 1, id.slot(), *facts);
}

Result<AgentId> Observer::find(std::string_view name) const {
  const std::optional<AgentId> id = parse_agent_id(name);
  if (id && impl_->segment.exists(*id)) return *id;
  return impl_->segment.find_agent(name);
}

}  // namespace mabeam

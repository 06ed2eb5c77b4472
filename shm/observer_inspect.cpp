// The views of one agent, whole, and of the agent types.
#include "shm/observer_impl.hpp"
#include "shm/snapshots.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace mabeam {
namespace {

using shm::Segment;

/// What is in an agent's current half.
struct Half {
  shm::StateHeader header;
  std::optional<std::vector<std::byte>> state;
};

/// A large state that changes all the time is left out; its header is not.
Half copy_half(const shm::AgentTable& table, std::uint32_t slot) {
  const shm::AgentRecord& agent = table.record(slot);
  Half half;
  std::vector<std::byte> bytes;
  for (int tries = 0; tries < shm::kReadTries; ++tries) {
    const std::uint64_t version = agent.version.load(std::memory_order_acquire);
    const std::byte* current = table.half(slot, version);
    shm::StateHeader header;
    std::memcpy(&header, current, sizeof header);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (agent.version.load(std::memory_order_relaxed) != version) continue;
    half.header = header;
    const std::uint64_t length = std::min<std::uint64_t>(header.bytes, table.max_state_bytes());
    bytes.assign(current + sizeof header, current + sizeof header + length);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (agent.version.load(std::memory_order_relaxed) != version) continue;
    half.state = std::move(bytes);
    break;
  }
  return half;
}

std::vector<std::string> subscriptions_of(const Segment& segment, AgentId id) {
  const shm::Symbols symbols = segment.symbols();
  std::vector<std::string> patterns;
  for (const shm::Subscription& entry :
       segment.subscriptions(static_cast<std::uint32_t>(id.endpoint()))) {
    const std::uint64_t word = entry.word.load(std::memory_order_acquire);
    if (word == 0) continue;
    const auto subscription = shm::SubscriptionWord::unpack(word);
    if (subscription.slot != id.slot()) continue;
    const AgentId source{entry.source.load(std::memory_order_relaxed)};
    std::string& pattern = patterns.emplace_back(symbols.text(subscription.pattern));
    if (source) pattern += " from " + to_string(source);
  }
  return patterns;
}

/// Living agents, by their types' symbols.
std::unordered_map<std::uint32_t, std::uint64_t> count_agents(const Segment& segment) {
  std::unordered_map<std::uint32_t, std::uint64_t> counts;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const shm::AgentTable table = segment.agents(shard);
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      const shm::AgentRecord& agent = table.record(slot);
      const auto word = shm::SlotWord::unpack(agent.slot_word.load(std::memory_order_acquire));
      if (word.lifecycle != 0) ++counts[static_cast<std::uint32_t>(agent.type)];
    }
  }
  return counts;
}

TypeView view_of(const Segment& segment, std::string_view name, const shm::TypeFacts& facts,
                 std::uint64_t agents) {
  TypeView view;
  view.name = name;
  view.state_version = facts.state_version;
  view.is_serialized = facts.is_serialized;
  view.is_durable = facts.is_durable;
  view.state_bytes = facts.is_serialized ? segment.dimensions().max_state_bytes : facts.state_bytes;
  view.can_describe = facts.can_describe;
  view.module = facts.module;
  view.agents = agents;
  for (const auto& [action, description] : facts.actions)
    view.actions.push_back({action, description});
  return view;
}

}  // namespace

Result<AgentDetail> Observer::inspect(AgentId id) const {
  const Segment& segment = impl_->segment;
  const Result<AgentView> seen = agent(id);
  if (!seen) return fail(seen.error());
  const shm::AgentTable table = segment.agents(static_cast<std::uint32_t>(id.endpoint()) - 1);
  const shm::AgentProfile& profile = table.profile(id.slot());
  Half half = copy_half(table, id.slot());
  AgentDetail detail;
  detail.agent = *seen;
  detail.parent = AgentId{profile.parent};
  detail.created_unix_ns = shm::bounded_time(profile.created_unix_ns);
  detail.failures = half.header.failures;
  detail.restarts = half.header.restarts;
  if (half.header.reason != 0) {
    detail.reason = std::string{code_name(static_cast<Errc>(half.header.reason))};
  }
  detail.is_durable = (table.record(id.slot()).storage & shm::kTransient) == 0;
  detail.state_version = half.header.state_version;
  detail.state_bytes = half.header.bytes;
  detail.state = std::move(half.state);
  detail.subscriptions = subscriptions_of(segment, id);
  detail.metadata = shm::read_metadata(table, segment.metadata(detail.agent.shard), id.slot());
  // Its slot may have been given to another meanwhile.
  if (!table.exists(id)) return fail(Errc::not_found);
  return detail;
}

std::vector<TypeView> Observer::types() const {
  const Segment& segment = impl_->segment;
  const shm::TypeTable table = segment.types();
  const shm::Symbols symbols = segment.symbols();
  std::unordered_map<std::uint32_t, std::uint64_t> agents = count_agents(segment);
  std::vector<TypeView> types;
  for (std::uint32_t index = 0; index < shm::TypeTable::kSlots; ++index) {
    const std::string_view name = symbols.text(table.name(index));
    const std::optional<shm::TypeFacts> facts = table.facts(index);
    if (name.empty() || !facts) continue;
    types.push_back(
        view_of(segment, name, *facts, agents[static_cast<std::uint32_t>(table.name(index))]));
  }
  std::sort(types.begin(), types.end(),
            [](const TypeView& a, const TypeView& b) { return a.name < b.name; });
  return types;
}

}  // namespace mabeam

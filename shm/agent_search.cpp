#include "shm/agent_search.hpp"

#include "shm/running.hpp"
#include "shm/symbols.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

std::optional<std::uint32_t> worker_of(const EndpointSlot& slot) {
  const Incarnation owner{slot.owner.load(std::memory_order_acquire)};
  if (!owner || owner.worker() >= kMaxWorkers) return std::nullopt;
  return owner.worker();
}

/// A filter with its names looked up once, so that an agent is judged by comparing words.
class Wanted {
 public:
  Wanted(const AgentFilter& filter, const Symbols& symbols)
      : filter_(filter),
        type_(symbols.find(filter.type)),
        is_nothing_(!filter.type.empty() && type_ == Symbol::none) {
    const auto look_up = [&](const std::string& name, std::vector<Symbol>& into) {
      const Symbol symbol = symbols.find(name);
      if (symbol != Symbol::none) into.push_back(symbol);
      return symbol != Symbol::none;
    };
    // A name that is no symbol is nobody's.
    if (!filter.capability.empty() && !look_up(filter.capability, all_)) is_nothing_ = true;
    for (const std::string& name : filter.all_capabilities) {
      if (!look_up(name, all_)) is_nothing_ = true;
    }
    for (const std::string& name : filter.any_capabilities)
      look_up(name, any_);
    if (!filter.any_capabilities.empty() && any_.empty()) is_nothing_ = true;
  }

  [[nodiscard]] bool is_nothing() const { return is_nothing_; }

  [[nodiscard]] bool has(const AgentFacts& facts) const {
    if (facts.slot_word.lifecycle == 0) return false;
    if (type_ != Symbol::none && facts.type != type_) return false;
    if (filter_.parent && facts.parent != filter_.parent.value()) return false;
    const std::span own{facts.capabilities.data(), facts.capability_count};
    const auto is_own = [&](Symbol capability) {
      return std::find(own.begin(), own.end(), capability) != own.end();
    };
    if (!std::all_of(all_.begin(), all_.end(), is_own)) return false;
    if (!any_.empty() && std::none_of(any_.begin(), any_.end(), is_own)) return false;
    return filter_.name.empty() || matches_name(filter_.name, facts.name_text());
  }

 private:
  const AgentFilter& filter_;
  Symbol type_;
  std::vector<Symbol> all_;
  std::vector<Symbol> any_;
  bool is_nothing_;
};

bool is_free(const AgentRecord& agent) {
  return SlotWord::unpack(agent.slot_word.load(std::memory_order_acquire)).lifecycle == 0;
}

template <class Visit>
void for_each(const Segment& segment, const AgentFilter& filter, Visit&& visit) {
  const Wanted wanted{filter, segment.symbols()};
  if (wanted.is_nothing()) return;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const AgentTable table = segment.agents(shard);
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      if (is_free(table.record(slot))) continue;
      const std::optional<AgentFacts> facts = table.snapshot(slot);
      if (facts && wanted.has(*facts)) visit(shard, slot, *facts);
    }
  }
}

}  // namespace

// Where a `*` has matched too little, it takes one byte more: only the last one need ever do so.
bool matches_name(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::optional<std::size_t> star;
  std::size_t after_star = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star) {
      p = *star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

AgentView view_of(const Segment& segment, std::uint32_t shard, std::uint32_t slot,
                  const AgentFacts& facts) {
  const Symbols symbols = segment.symbols();
  const std::uint32_t endpoint = Segment::endpoint_of_shard(shard);
  AgentView view;
  view.id = {static_cast<EndpointId>(endpoint), slot, facts.slot_word.generation};
  view.name = facts.name_text();
  view.type = symbols.text(facts.type);
  view.shard = shard;
  view.worker = worker_of(segment.endpoint(endpoint));
  view.lifecycle = facts.lifecycle();
  if (view.lifecycle == Lifecycle::ready && running_agent(segment, shard) == view.id) {
    view.lifecycle = Lifecycle::busy;
  }
  view.version = facts.version;
  view.handled = facts.handled;
  if (facts.reason != 0) view.reason = static_cast<Errc>(facts.reason);
  view.parent = AgentId{facts.parent};
  for (std::uint8_t i = 0; i < facts.capability_count; ++i) {
    view.capabilities.emplace_back(symbols.text(facts.capabilities[i]));
  }
  return view;
}

AgentList find_agents(const Segment& segment, const AgentFilter& filter) {
  AgentList list;
  for_each(segment, filter, [&](std::uint32_t shard, std::uint32_t slot, const AgentFacts& facts) {
    ++list.total;
    const bool is_before = list.total <= filter.offset;
    const bool is_behind = filter.limit != 0 && list.agents.size() >= filter.limit;
    if (!is_before && !is_behind) list.agents.push_back(view_of(segment, shard, slot, facts));
  });
  return list;
}

std::uint64_t count_agents(const Segment& segment, const AgentFilter& filter) {
  std::uint64_t count = 0;
  for_each(segment, filter, [&](auto, auto, const AgentFacts&) { ++count; });
  return count;
}

}  // namespace mabeam::shm

// The views of agents: all that match, one, and the one of a name.
#include "shm/agent_search.hpp"
#include "shm/observer_impl.hpp"

#include "mabeam/observer.hpp"

#include <optional>

namespace mabeam {

AgentList Observer::agents(const AgentFilter& filter) const {
  return shm::find_agents(impl_->segment, filter);
}

Result<AgentView> Observer::agent(AgentId id) const {
  const shm::Segment& segment = impl_->segment;
  const auto endpoint = static_cast<std::uint32_t>(id.endpoint());
  if (!segment.is_shard(endpoint)) return fail(Errc::not_found);
  const std::optional<shm::AgentFacts> facts = segment.agents(endpoint - 1).snapshot(id.slot());
  if (!facts || facts->slot_word.lifecycle == 0 || facts->slot_word.generation != id.generation()) {
    return fail(Errc::not_found);
  }
  return shm::view_of(segment, endpoint - 1, id.slot(), *facts);
}

Result<AgentId> Observer::find(std::string_view name) const {
  const std::optional<AgentId> id = parse_agent_id(name);
  if (id && impl_->segment.exists(*id)) return *id;
  return impl_->segment.find_agent(name);
}

}  // namespace mabeam

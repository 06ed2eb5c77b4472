// Hooks: how a type's functions are called. What they throw is an error like any other.
#pragma once

#include "shm/registry.hpp"
#include "shm/wire.hpp"

#include "mabeam/agent.hpp"
#include "mabeam/result.hpp"

#include <exception>
#include <string_view>

namespace mabeam::worker {

/// No exception of a hook's passes here.
template <class Call>
Result<> guarded(Call&& call) noexcept {
  try {
    return call();
  } catch (const std::exception&) {
    return fail(Errc::handler_failed);
  } catch (...) {
    return fail(Errc::handler_failed);
  }
}

/// Calls the handler that is for a message of this kind. shard_message.cpp
Result<> call_handler(const TypeDescriptor& type, Context& context, void* state,
                      const shm::Received& message, std::string_view name);

/// A new state in its first version, behind its header.
inline Result<> make_afresh(const TypeDescriptor& type, shm::StateHeader& state) noexcept {
  state.state_version = type.type.state_version;
  state.bytes = type.state_bytes;
  if (type.init == nullptr) return {};
  return guarded([&]() -> Result<> {
    type.init(&state + 1);
    return {};
  });
}

/// The state is one that this type's code may be let at; the record says how much of it was copied.
inline bool is_compatible(const TypeDescriptor& type, const shm::StateHeader& state,
                          const shm::AgentRecord& agent) {
  return state.bytes == type.state_bytes && agent.state_bytes >= type.state_bytes &&
         state.state_version == type.type.state_version;
}

/// Neither of a state that is not its, nor once it has killed its worker too often.
inline bool may_run_on_stop(const TypeDescriptor& type, const shm::StateHeader& state,
                            const shm::AgentRecord& agent) {
  return type.on_stop != nullptr && static_cast<Errc>(state.reason) != Errc::quarantined &&
         is_compatible(type, state, agent);
}

}  // namespace mabeam::worker

// Hooks: how a type's functions are called. What they throw is an error like any other.
#pragma once

#include "shm/registry.hpp"
#include "shm/wire.hpp"

#include "mabeam/agent.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string_view>

namespace mabeam::worker {

/// No exception of a hook's passes here.
template <class Call>
[[gnu::always_inline]] inline Result<> guarded(Call&& call) noexcept {
  try {
    return call();
  } catch (const std::exception&) {
    return fail(Errc::handler_failed);
  } catch (...) {
    return fail(Errc::handler_failed);
  }
}

/// Calls the handler that is for a message of this kind.
[[gnu::always_inline]] inline Result<> call_handler(const TypeDescriptor& type, Context& context,
                                                    void* state, const shm::Received& message,
                                                    std::string_view name) {
  const AgentId source{message.header.source};
  const std::uint64_t correlation = message.header.correlation;
  switch (message.kind) {
    case shm::Kind::request:
      if (type.on_action == nullptr) return fail(Errc::unknown_action);
      return type.on_action(context, state, Action{name, message.view(), source, correlation});
    case shm::Kind::signal:
      if (type.on_signal == nullptr) return {};
      return type.on_signal(context, state, Signal{name, message.view(), source, correlation});
    case shm::Kind::event:
      if (type.on_event == nullptr) return {};
      return type.on_event(context, state, Event{name, message.view(), source, correlation});
    default:
      break;
  }
  if (type.on_reply == nullptr) return {};
  Result<> outcome;
  if (message.flags != 0) outcome = fail(static_cast<Errc>(message.flags));
  const Message text{name, message.view(), source, correlation};
  return type.on_reply(context, state, Reply{text, outcome});
}

/// AgentRecord::storage of a type's agents.
inline std::uint16_t storage_of(const TypeDescriptor& type) noexcept {
  const auto form = type.is_serialized ? shm::kSerialized : std::uint16_t{0};
  return type.type.durable ? form : static_cast<std::uint16_t>(form | shm::kTransient);
}

/// The agent was made with room for what this type keeps.
inline bool has_room_for(const shm::AgentRecord& agent, const TypeDescriptor& type) noexcept {
  return agent.state_bytes >= type.state_bytes && agent.storage == storage_of(type);
}

/// A new state in its first version, behind its header; a serialized one takes up to `most` bytes.
/// Errors: state_too_large, handler_failed, and what serialize() returns.
inline Result<> make_afresh(const TypeDescriptor& type, shm::StateHeader& state,
                            std::uint32_t most) noexcept {
  state.state_version = type.type.state_version;
  state.bytes = type.state_bytes;
  if (type.init == nullptr) return {};
  return guarded([&]() -> Result<> {
    auto* room = reinterpret_cast<std::byte*>(&state + 1);
    const Result<std::size_t> written =
        type.init({room, type.is_serialized ? most : type.state_bytes});
    if (!written) return fail(written.error());
    state.bytes = static_cast<std::uint32_t>(*written);
    return {};
  });
}

/// The state that somebody gives a new agent, over its first one. Errors: schema_mismatch,
/// state_too_large, handler_failed, and what serialize() returns.
inline Result<> take_given(const TypeDescriptor& type, shm::StateHeader& state,
                           std::span<const std::byte> given, std::uint32_t most) noexcept {
  if (type.take == nullptr) return fail(Errc::schema_mismatch);
  return guarded([&]() -> Result<> {
    auto* room = reinterpret_cast<std::byte*>(&state + 1);
    const Result<std::size_t> written =
        type.take(given, {room, type.is_serialized ? most : type.state_bytes});
    if (!written) return fail(written.error());
    state.bytes = static_cast<std::uint32_t>(*written);
    return {};
  });
}

/// The state is one that this type's code may be let at; the record says how much of it was copied.
/// How long a serialized one may be is checked where it is read.
inline bool is_compatible(const TypeDescriptor& type, const shm::StateHeader& state,
                          const shm::AgentRecord& agent) {
  return (state.bytes == type.state_bytes || type.is_serialized) && has_room_for(agent, type) &&
         state.state_version == type.type.state_version;
}

/// Neither of a state that is not its, nor once it has killed its worker too often.
inline bool may_run_on_stop(const TypeDescriptor& type, const shm::StateHeader& state,
                            const shm::AgentRecord& agent) {
  return type.on_stop != nullptr && static_cast<Errc>(state.reason) != Errc::quarantined &&
         is_compatible(type, state, agent);
}

}  // namespace mabeam::worker

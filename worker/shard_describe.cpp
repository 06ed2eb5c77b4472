// A state in its type's own words, for tools.
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

namespace mabeam::worker {

using shm::Received;

// Reads the state that is committed: what this turn has changed may yet be undone.
Result<std::string> Shard::describe_state(std::uint32_t slot) {
  const shm::AgentRecord& agent = agents_.table().record(slot);
  const TypeDescriptor* type = types_.find(agent.type);
  if (type == nullptr) return fail(Errc::unknown_type);
  if (type->describe == nullptr) return fail(Errc::unknown_action);
  const std::span<const std::byte> state = agents_.committed_state(slot);
  const auto& header = reinterpret_cast<const shm::StateHeader*>(state.data())[-1];
  if (!is_compatible(*type, header, agent)) return fail(Errc::incompatible);
  std::string text;
  turn_.set_witness(witness_);
  const Result<> described = guarded([&]() -> Result<> {
    Result<std::string> made = type->describe(state);
    if (!made) return fail(made.error());
    text = std::move(*made);
    return {};
  });
  turn_.clear_witness();
  if (!described) return fail(described.error());
  if (text.size() > outbox_.max_payload(Priority::high)) return fail(Errc::payload_too_large);
  return text;
}

Shard::Outcome Shard::handle_describe(const Received& message) {
  const AgentId target{message.header.target};
  if (static_cast<std::uint32_t>(target.endpoint()) != endpoint_ ||
      !agents_.table().is_alive(target)) {
    return refuse(message, Errc::not_found, shm::DeadReason::no_agent);
  }
  if (agents_.is_touched(target.slot())) return Outcome::commit_first;
  const Result<std::string> text = describe_state(target.slot());
  if (!text) return refuse(message, text.error().code, shm::DeadReason::unroutable);
  const Payload payload{std::as_bytes(std::span{*text}), Content::json};
  if (!answer(message, Errc{}, payload)) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

}  // namespace mabeam::worker

// What is noted of an agent is changed, by a client or by its own handler. Suspended or not: its
// type has no part in it.
#include "worker/shard.hpp"

#include <string>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

// What an agent begins with is told by its start.
Result<> Shard::update_metadata(AgentId id, std::string_view text) {
  const bool is_new = agents_.is_being_made(id.slot());
  const Result<bool> changed = agents_.set_metadata(id.slot(), text);
  if (!changed) return fail(changed.error());
  if (*changed && !is_new) tell(Life::updated, id, {});
  return {};
}

Shard::Outcome Shard::handle_update(const Received& message) {
  const AgentId target{message.header.target};
  if (static_cast<std::uint32_t>(target.endpoint()) != endpoint_ ||
      !agents_.table().is_alive(target)) {
    return refuse(message, Errc::not_found, DeadReason::no_agent);
  }
  Result<> done = fail(Argument::metadata);
  if (message.payload.size() <= shm::kMaxMetadataBytes) {
    // A copy, since it is checked first: its sender may change it meanwhile.
    const std::string text{reinterpret_cast<const char*>(message.payload.data()),
                           message.payload.size()};
    done = update_metadata(target, text);
  }
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (!done) {
    undo(Outcome::passed);
    return refuse(message, done.error().code, DeadReason::unroutable);
  }
  if (!answer(message, Errc{}, {})) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

}  // namespace mabeam::worker

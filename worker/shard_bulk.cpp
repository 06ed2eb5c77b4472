// Several agents in one message, and so in one turn: all are made or none; each is ended or not.
#include "shm/clock.hpp"
#include "worker/shard.hpp"

#include <cstring>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

Result<> Shard::create_agents(Agents::Plan& plan, Made& made) {
  const std::uint32_t count = plan.request.count;
  const bool has_name = plan.request.name_length != 0;
  if (count == 0 || count > made.ids.size() || (has_name && count != 1)) {
    return fail(Errc::invalid_argument);
  }
  plan.parent = AgentId{plan.request.parent};
  if (plan.parent && !segment_.is_alive(plan.parent)) return fail(Errc::not_found);
  plan.created_unix_ns = shm::unix_ns();
  for (; made.count < count; ++made.count) {
    const Result<AgentId> id = create_agent(plan);
    if (!id) return fail(id.error());
    if (outbox_.is_blocked()) return fail(Errc::backpressure);
    made.ids[made.count] = id->value();
  }
  if (count > 1 && outbox_.is_overfull()) return fail(Errc::message_too_large);
  return {};
}

// What became of one of them. One that this turn has touched, that ends with its tree, or for whose
// words there is no room beside those of the others, is to be asked for alone: too_many_changes.
Errc Shard::end_among_others(AgentId id) {
  const bool is_ours = static_cast<std::uint32_t>(id.endpoint()) == endpoint_ &&
                       agents_.table().exists(id) && !agents_.is_ending(id.slot());
  if (!is_ours) return Errc::not_found;
  if (agents_.table().is_terminating(id) || !agents_.can_end_among_others(id.slot()) ||
      !timers_.tasks_of(id).empty()) {
    return Errc::too_many_changes;
  }
  // Only what its on_stop() has done can fail: then the message fails, with all of them.
  if (const Result<> ended = end_agent(id); !ended) (void)doom(ended.error());
  return Errc{};
}

Shard::Outcome Shard::handle_stop_many(const Received& message) {
  std::array<std::uint64_t, shm::kMostInOneMessage> ids{};
  std::array<Errc, shm::kMostInOneMessage> results{};
  const std::size_t bytes = message.payload.size();
  const std::size_t count = bytes / sizeof ids[0];
  if (count == 0 || count > ids.size() || bytes % sizeof ids[0] != 0) {
    return refuse(message, Errc::invalid_argument, DeadReason::unroutable);
  }
  std::memcpy(ids.data(), message.payload.data(), bytes);
  turn_.set_witness(witness_);
  for (std::size_t i = 0; i < count && doom_ && !outbox_.is_blocked(); ++i)
    results[i] = end_among_others(AgentId{ids[i]});
  turn_.clear_witness();
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  // What an on_stop() could not send, since it was too much for one message, fits alone.
  if (doom_ && outbox_.is_overfull()) doom_ = fail(Errc::message_too_large);
  if (!doom_) {
    const Errc code = doom_.error().code;
    undo(Outcome::passed);
    return refuse(message, code, DeadReason::unroutable);
  }
  if (!answer(message, Errc{}, std::as_bytes(std::span{results.data(), count}))) {
    return undo(Outcome::blocked);
  }
  ++record_.delivered;
  return Outcome::passed;
}

}  // namespace mabeam::worker

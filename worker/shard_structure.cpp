// What changes structure: agents made and ended. A message that does so ends its turn.
#include "worker/backend.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

Result<AgentId> Shard::create_agent(const Agents::Plan& plan) {
  if (plan.request.subscription_count != 0 && !inbox_.is_listening()) {
    wants_to_listen_ = true;
    return fail(Errc::backpressure);
  }
  const Result<AgentId> id = agents_.create(plan, clock_.now_ns());
  if (!id || plan.descriptor->on_start == nullptr) return id;
  shm::StateHeader* state = agents_.touch(id->slot());
  Context::Backend backend{*this, *id, nullptr};
  Context context{backend};
  const Result<> started = guarded([&] { return plan.descriptor->on_start(context, state + 1); });
  if (!started) return doom(started.error());
  return id;
}

// What cannot be taken back alone: the message fails, even if its handler takes no notice.
tl::unexpected<Error> Shard::doom(Error error) noexcept {
  if (doom_) doom_ = fail(error);
  return fail(error);
}

Shard::Outcome Shard::handle_create(const Received& message) {
  Agents::Plan plan{message.header.symbol,
                    types_.find(message.header.symbol),
                    AgentId{message.header.source},
                    {}};
  Result<AgentId> id = fail(Errc::unknown_type);
  if (message.payload.size() != sizeof plan.request) {
    id = fail(Errc::invalid_argument);
  } else if (plan.descriptor != nullptr) {
    std::memcpy(&plan.request, message.payload.data(), sizeof plan.request);
    const std::string_view name{plan.request.name.data(),
                                std::min(plan.request.name_length, shm::kMaxNameBytes)};
    const bool is_ours =
        name.empty() || shm::shard_of_name(name, segment_.dimensions().shards) == shard_;
    turn_.set_witness(witness_);
    id = is_ours ? create_agent(plan) : fail(Errc::invalid_argument);
    turn_.clear_witness();
  }
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (!id) {
    undo(Outcome::passed);
    return refuse(message, id.error().code, DeadReason::unroutable);
  }
  if (!answer(message, Errc{}, id->value())) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

Result<> Shard::end_agent(AgentId id) {
  const std::uint32_t slot = id.slot();
  const TypeDescriptor* type = types_.find(agents_.table().record(slot).type);
  if (type != nullptr && type->on_stop != nullptr) {
    shm::StateHeader* state = agents_.touch(slot);
    Context::Backend backend{*this, id, nullptr};
    Context context{backend};
    if (is_compatible(*type, *state, agents_.table().record(slot))) {
      // What on_stop answers, or wishes to hear, changes nothing: the agent ends all the same.
      const bool wanted_to_listen = wants_to_listen_;
      (void)guarded([&] { return type->on_stop(context, state + 1); });
      wants_to_listen_ = wanted_to_listen;
    }
  }
  if (!doom_) return doom_;
  const Result<> ended = agents_.end(slot);
  if (ended) timers_.end_agent(slot);
  return ended;
}

Shard::Outcome Shard::handle_stop(const Received& message, std::uint64_t witness) {
  const AgentId target{message.header.target};
  if (static_cast<std::uint32_t>(target.endpoint()) != endpoint_ ||
      !agents_.table().is_alive(target)) {
    return refuse(message, Errc::not_found, DeadReason::no_agent);
  }
  if (agents_.needs_commit_first(target.slot())) return Outcome::commit_first;
  turn_.set_witness(witness);
  const Result<> ended = end_agent(target);
  turn_.clear_witness();
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (!ended) {
    undo(Outcome::passed);
    return refuse(message, ended.error().code, DeadReason::unroutable);
  }
  if (!answer(message, Errc{}, {})) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

}  // namespace mabeam::worker

// Starting an agent anew, on request: on_stop(), a fresh state unless it is kept, on_start(). All
// of it or nothing; id, name, subscriptions and children stay, timers do not. One that was
// suspended for its state, its type or its deeds is resumed by it; one that was suspended by
// request stays so.
#include "worker/backend.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <cstring>
#include <span>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

namespace {

struct Wish {
  bool keeps = false;
  std::span<const std::byte> initial = {};
};

/// No payload is a restart with a fresh state.
Result<Wish> wish_in(const Received& message) {
  shm::RestartRequest request;
  if (message.payload.empty()) return Wish{};
  if (message.payload.size() < sizeof request) return fail(Errc::invalid_argument);
  std::memcpy(&request, message.payload.data(), sizeof request);
  const Wish wish{request.keep_state == 1, message.payload.subspan(sizeof request)};
  if (request.keep_state > 1 || (wish.keeps && !wish.initial.empty())) {
    return fail(Errc::invalid_argument);
  }
  return wish;
}

Result<> make_state(const TypeDescriptor& type, shm::StateHeader& state, const Wish& wish,
                    std::uint32_t most) {
  if (wish.keeps) return {};
  const Result<> made = make_afresh(type, state, most);
  if (!made || wish.initial.empty()) return made;
  return take_given(type, state, wish.initial, most);
}

}  // namespace

// Its state is what it shall begin with, and it has no timers, since on_start() sets those that it
// wants. Errors: those of on_start(), too_many_changes.
Result<> Shard::start_anew(const TypeDescriptor& type, AgentId id, std::string_view reason) {
  is_full_ = true;
  if (const Result<> ended = end_tasks(id); !ended) return ended;
  if (const Result<> cancelled = timers_.cancel_all(id); !cancelled) return cancelled;
  if (type.on_start != nullptr) {
    shm::StateHeader* state = agents_.touch(id.slot());
    Context::Backend backend{*this, id, nullptr};
    Context context{backend};
    const Result<> started = guarded([&] { return type.on_start(context, state + 1); });
    if (!started) return started;
  }
  if (!doom_) return doom_;
  tell(Life::restarted, id, reason);
  return {};
}

// Errors: too_many_changes.
Result<> Shard::resume_restarted(AgentId id) {
  const std::uint32_t slot = id.slot();
  const auto reason = static_cast<Errc>(agents_.touch(slot)->reason);
  const bool is_held = agents_.table().lifecycle_of(id) == Lifecycle::suspended;
  if (!is_held || reason == Errc::suspended) return {};
  return agents_.set_lifecycle(slot, lifecycle_after(slot), Errc{});
}

Shard::Outcome Shard::handle_restart(const Received& message) {
  const AgentId target{message.header.target};
  if (static_cast<std::uint32_t>(target.endpoint()) != endpoint_ ||
      !agents_.table().is_alive(target)) {
    return refuse(message, Errc::not_found, DeadReason::no_agent);
  }
  const Result<Wish> wish = wish_in(message);
  if (!wish) return refuse(message, wish.error().code, DeadReason::unroutable);
  shm::AgentRecord& agent = agents_.table().record(target.slot());
  const TypeDescriptor* type = types_.find(agent.type);
  if (type == nullptr) return refuse(message, Errc::unknown_type, DeadReason::unroutable);
  if (type->state_bytes > agents_.most_state_bytes()) {
    return refuse(message, Errc::state_too_large, DeadReason::unroutable);
  }
  if (agents_.needs_commit_first(target.slot())) return Outcome::commit_first;
  shm::StateHeader* state = agents_.touch(target.slot());
  const bool is_usable = is_compatible(*type, *state, agent);
  if (wish->keeps ? !is_usable : agent.storage != storage_of(*type)) {
    undo(Outcome::passed);
    return refuse(message, Errc::incompatible, DeadReason::unroutable);
  }
  turn_.set_witness(witness_);
  Context::Backend backend{*this, target, nullptr};
  Context context{backend};
  if (may_run_on_stop(*type, *state, agent)) {
    (void)guarded([&] { return type->on_stop(context, state + 1); });
  }
  // Not of the turn, as in upgrade(): at worst more is copied than there is.
  if (agent.state_bytes < type->state_bytes) agent.state_bytes = type->state_bytes;
  Result<> started = make_state(*type, *state, *wish, agents_.most_state_bytes());
  if (started) started = start_anew(*type, target, "asked");
  if (started) started = resume_restarted(target);
  turn_.clear_witness();
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (!started) {
    undo(Outcome::passed);
    return refuse(message, started.error().code, DeadReason::unroutable);
  }
  if (!answer(message, Errc{}, {})) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

}  // namespace mabeam::worker

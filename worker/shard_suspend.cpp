// Suspension: agents that take no messages for a while, and what becomes of those messages.
//
// Suspended, by request or for a reason: what comes for it waits in the parking log (parking.hpp).
// Resuming: what waits is handled first (shard_replay.cpp), and what comes meanwhile waits behind
// it, so that order holds. Which of both an agent is stands in its slot word, why it was suspended
// in its state's half: a successor finds both.
#include "worker/shard.hpp"

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

// What is not ready may be gone, or messages may wait for it. Nothing: it is to be served.
std::optional<Shard::Outcome> Shard::meet_unready(const Received& message) {
  const AgentId target{message.header.target};
  const bool is_here = static_cast<std::uint32_t>(target.endpoint()) == endpoint_;
  const Lifecycle lifecycle = is_here ? agents_.table().lifecycle_of(target) : Lifecycle::free;
  if (lifecycle == Lifecycle::free) return refuse(message, Errc::not_found, DeadReason::no_agent);
  if (waits_for(lifecycle)) return park_message(message, target);
  return std::nullopt;
}

// What is replayed is there already: it stays. It has its span when it is handled.
Shard::Outcome Shard::park_message(Received message, AgentId target) {
  tracer_.drop();
  if (replay_ != Replay::none) {
    replay_ = Replay::kept;
    return Outcome::passed;
  }
  message.header.target = target.value();                  // an event has had none
  if (!parking_.fits(message)) message.is_traced = false;  // it may do without
  if (parking_.park(message, witness_)) return Outcome::passed;
  if (parking_.gives_room()) return undo(Outcome::commit_first);
  tracer_.keep();
  return refuse(message, Errc::suspended, DeadReason::overflow);
}

Shard::Outcome Shard::suspend_for(const Received& message, AgentId target, Errc reason) {
  undo(Outcome::passed);
  if (!agents_.set_lifecycle(target.slot(), Lifecycle::suspended, reason)) {
    undo(Outcome::passed);
    return refuse(message, reason, DeadReason::unroutable);
  }
  is_full_ = true;
  const Outcome outcome = park_message(message, target);
  if (outcome == Outcome::passed && reason == Errc::quarantined) pass();
  return outcome;
}

// Its timer has not fired: it is due as soon as the agent is ready (timers.hpp).
Shard::Outcome Shard::suspend_for_timer(AgentId id, Errc reason) {
  undo(Outcome::passed);
  if (agents_.set_lifecycle(id.slot(), Lifecycle::suspended, reason) &&
      reason == Errc::quarantined) {
    pass();
  }
  return Outcome::commit_first;
}

Shard::Outcome Shard::handle_suspension(const Received& message) {
  const AgentId target{message.header.target};
  const bool is_here = static_cast<std::uint32_t>(target.endpoint()) == endpoint_;
  const Lifecycle now = is_here ? agents_.table().lifecycle_of(target) : Lifecycle::free;
  const bool is_up = now == Lifecycle::ready || now == Lifecycle::resuming;
  if (!is_up && now != Lifecycle::suspended) {
    return refuse(message, Errc::not_found, DeadReason::no_agent);
  }
  const std::uint32_t slot = target.slot();
  if (agents_.needs_commit_first(slot)) return Outcome::commit_first;
  const bool is_suspend = message.kind == shm::Kind::suspend;
  Result<> done;
  if (is_suspend && is_up) {
    done = agents_.set_lifecycle(slot, Lifecycle::suspended, Errc::suspended);
  } else if (!is_suspend && !is_up) {
    done = agents_.set_lifecycle(slot, lifecycle_after(slot), Errc{});
  }
  if (!done || !answer(message, Errc{}, {})) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

// What a suspended agent becomes when it is resumed.
Lifecycle Shard::lifecycle_after(std::uint32_t slot) const {
  return parking_.waiting_for(slot) == 0 ? Lifecycle::ready : Lifecycle::resuming;
}

// ---- quarantine ------------------------------------------------------------------------------

// An upgrade has a witness of its own: whatever message makes it run, its deaths are counted
// together, and they do not make that message poison.
bool Shard::is_fatal(std::uint64_t witness) const noexcept {
  return record_.blamed_witness == witness && record_.blamed_count >= limits_.max_attempts;
}

void Shard::forgive(std::uint64_t witness) noexcept {
  if (record_.blamed_witness == witness) pass();
}

// Whose on_stop() has killed max_attempts owners, and made the request to stop it poison. The next
// request ends it without on_stop().
void Shard::quarantine(AgentId id) {
  const bool is_here = static_cast<std::uint32_t>(id.endpoint()) == endpoint_;
  if (!is_here || !agents_.table().is_alive(id) || agents_.needs_commit_first(id.slot())) return;
  (void)agents_.set_lifecycle(id.slot(), Lifecycle::suspended, Errc::quarantined);
}

}  // namespace mabeam::worker

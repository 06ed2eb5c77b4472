// What becomes of an agent whose handler has failed: its message's effects are undone, and what
// follows is part of the same turn, so a crash leaves both or neither.
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

namespace mabeam::worker {

using shm::Received;

namespace {

constexpr std::int64_t kRestartPeriodNs = 10'000'000'000;
constexpr std::uint16_t kMostRestarts = 3;  // in one period; what fails again then is stopped

/// Counts one more restart within the period, which begins anew when it has passed. False if there
/// have been too many.
bool may_restart(shm::StateHeader& state, std::int64_t now_ns) noexcept {
  if (state.since_ns > now_ns || state.since_ns <= now_ns - kRestartPeriodNs) {
    state.since_ns = now_ns;
    state.restarts = 0;
  }
  if (state.restarts >= kMostRestarts) return false;
  ++state.restarts;
  return true;
}

/// Not the agent's failures: a message that is tried again, and one that names no action of its.
bool is_failure(Errc code) {
  return code != Errc::backpressure && code != Errc::unknown_action;
}

}  // namespace

// An event of agents' lives that its subscriber fails at is not told of: it would be the next one
// to fail at.
Shard::Outcome Shard::fail_agent(AgentId id, const Received& message, Errc code) {
  const TypeDescriptor* type = types_.find(agents_.table().record(id.slot()).type);
  if (!is_failure(code) || type == nullptr) return undo(Outcome::passed);
  const bool is_told = message.kind != shm::Kind::event || !life_.has(message.header.symbol);
  const auto begin_again = [&]() -> shm::StateHeader& {
    undo(Outcome::passed);
    doom_ = {};
    return note_failure(id, code, is_told);
  };
  if (notes_ != nullptr) {
    notes_->failed(shard_, id, symbols_.text(message.header.symbol), code_name(code),
                   clock_.now_ns());
  }
  turn_.set_witness(witness_);
  shm::StateHeader& state = begin_again();
  bool stops = type->type.on_failure == OnFailure::stop;
  if (type->type.on_failure == OnFailure::restart) {
    stops = !may_restart(state, clock_.now_ns()) ||
            !make_afresh(*type, state, agents_.most_state_bytes()) ||
            !start_anew(*type, id, code_name(code));
  }
  if (stops && !outbox_.is_blocked() && !wants_to_listen_) {
    begin_again();
    for (const bool runs_hook : {true, false}) {
      if (stop_failed(id, code, runs_hook)) break;
      begin_again();
    }
  }
  turn_.clear_witness();
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  return Outcome::passed;
}

shm::StateHeader& Shard::note_failure(AgentId id, Errc code, bool is_told) {
  shm::StateHeader& state = *agents_.touch(id.slot());
  ++state.handled;
  ++state.failures;
  if (is_told) tell(Life::failed, id, code_name(code));
  return state;
}

// False if on_stop() has done what ends in no turn, or the agent has more subscriptions than one
// message may change: then it goes on.
bool Shard::stop_failed(AgentId id, Errc code, bool runs_hook) {
  const AgentId parent{agents_.table().profile(id.slot()).parent};
  const Result<> ended = end_agent(id, code_name(code), runs_hook);
  if (outbox_.is_blocked()) return true;  // all of it is tried again
  if (!ended) return false;
  if (!segment_.is_alive(parent)) return true;
  shm::MessageHeader header{};
  header.symbol = life_.topic(Life::failed);
  header.content = static_cast<std::uint32_t>(Content::u64);
  header.source = id.value();
  header.target = parent.value();
  header.id = ++record_.next_message_id;
  header.sent_ns = clock_.now_ns();
  const std::uint64_t failed = id.value();
  const Result<> sent = outbox_.send(shm::Kind::signal, 0, Priority::normal, header,
                                     std::as_bytes(std::span{&failed, 1}));
  if (!sent && !outbox_.is_blocked()) ++record_.refused;
  return true;
}

}  // namespace mabeam::worker

// Answers to calls, and requests that are not wanted any more.
#include "worker/shard.hpp"

namespace mabeam::worker {

using shm::Kind;
using shm::Received;

// The first answer to a call with a deadline ends its timer; a later one finds none. Ids of calls
// can be guessed: whoever was not asked has no answer.
bool Shard::settle_call(const Received& answer) {
  const AgentId caller{answer.header.target};
  const auto call = static_cast<TimerId>(answer.header.correlation);
  const Result<AgentId> callee = timers_.callee_of(caller, call);
  if (!callee || callee->value() != answer.header.source) return false;
  const Result<> settled = timers_.cancel(caller, call);
  end_full_turn();
  return settled.has_value();
}

Shard::Outcome Shard::refuse_silently() noexcept {
  tracer_.fail(Errc::timed_out);
  ++record_.refused;
  return Outcome::passed;
}

// Is it one whose sender has cancelled it? What is noted of that is private: an owner that dies
// takes it along, and then the request is handled after all.
bool Shard::is_cancelled(const Received& request) noexcept {
  return cancelled_.take(request.header.source, request.header.correlation);
}

Shard::Outcome Shard::note_cancel(const Received& message) noexcept {
  tracer_.drop();
  const shm::MessageHeader& header = message.header;
  if (header.deadline_ns > clock_.now_ns()) {
    cancelled_.note({header.source, header.correlation, header.deadline_ns}, clock_.now_ns());
  }
  return Outcome::passed;
}

// An answer comes late rather than never, and a cancel is over when it has been read.
bool Shard::may_expire(const Received& message) const noexcept {
  return message.kind != Kind::reply && message.kind != Kind::cancel && !is_being_ended(message);
}

}  // namespace mabeam::worker

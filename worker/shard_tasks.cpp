// Coroutines of agents, between two messages (mabeam/task.hpp).
//
// A coroutine waits for one call at a time, whose timer also names whom it is to answer. The answer
// or the timer resumes it, as that message's handler. Its frame is in this worker's memory (Tasks);
// the timer is in the segment. So whoever ends the timer, in the turn in which it does so, either
// resumes the coroutine or tells its caller that it is interrupted: exactly one of them, once.
//
//   the worker dies, the shard moves   there is no frame: the timer is due at once (Timers::open)
//   the agent ends or is restarted     end_tasks(), in the same message
//   what it does does not fit          undone with its message; a frame cannot be taken back, so it
//                                      is marked failed, and the message is taken again to say so
//   it fails or throws                 as any handler, and its caller gets that error
#include "worker/backend.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::Received;

namespace {

constexpr std::uint32_t kMostTasks = 96;  // so that ending them, too, is one message's timers

Reply reply_of(const Received& answer, std::string_view name) {
  Result<> outcome;
  if (answer.flags != 0) outcome = fail(static_cast<Errc>(answer.flags));
  return {Message{name, answer.view(), AgentId{answer.header.source}, answer.header.correlation},
          outcome};
}

}  // namespace

// Half of them, told at once that they are interrupted, fit into a ring of replies.
bool Shard::may_begin_task(AgentId id) const noexcept {
  const std::uint64_t reply_bytes = shm::record_bytes(sizeof(shm::MessageHeader));
  const std::uint64_t fit = segment_.dimensions().ring_bytes[0] / reply_bytes / 2;
  return timers_.count_of(id.slot()) < std::min<std::uint64_t>(fit, kMostTasks);
}

// `answer` ends the call that a coroutine waits for, or is what its timer tells.
Shard::Outcome Shard::handle_task(const Received& answer) {
  const auto call = static_cast<TimerId>(answer.header.correlation);
  const AgentId self{answer.header.target};
  const std::uint32_t slot = self.slot();
  Tasks::Waiting* task = tasks_.find(call);
  if (task == nullptr || !agents_.table().is_alive(self)) {
    return end_task(answer, {nullptr, Errc::interrupted});
  }
  if (task->frame == nullptr) return end_task(answer, *task);
  if (agents_.needs_commit_first(slot)) return undo(Outcome::commit_first);
  const shm::AgentRecord& agent = agents_.table().record(slot);
  const TypeDescriptor* type = types_.find(agent.type);
  shm::StateHeader* state = agents_.touch(slot);
  if (type == nullptr || !is_compatible(*type, *state, agent)) {
    *task = {nullptr, Errc::state_version};
    return end_task(answer, *task);
  }
  const ReplyTo asked = timers_.asked_by(call);
  Context::Backend backend{*this, self, &answer};
  backend.task = &asked;
  Context context{backend};
  turn_.set_witness(witness_);
  Result<> result = guarded([&] {
    const Reply reply = reply_of(answer, text_of(answer.header.symbol));
    return task->frame->resume(context, state + 1, reply);
  });
  if (result) result = doom_;
  ++state->handled;
  turn_.clear_witness();
  if (outbox_.is_blocked() || wants_to_listen_) {
    *task = {nullptr, Errc::backpressure};
    ++taken_;  // so that the next turn follows at once
    return undo(Outcome::commit_first);
  }
  if (!result) {
    *task = {nullptr, result.error().code, true};
    return end_task(answer, *task);
  }
  if (task->frame->is_waiting()) {
    tasks_.go_on(call, backend.awaited);
  } else {
    tasks_.end(call);
  }
  return Outcome::passed;
}

// Its caller is told why there is no answer. Nothing of this message is left but that, and what
// becomes of an agent whose handler has failed.
Shard::Outcome Shard::end_task(const Received& answer, const Tasks::Waiting& failed) {
  const auto call = static_cast<TimerId>(answer.header.correlation);
  const AgentId self{answer.header.target};
  const ReplyTo asked = timers_.asked_by(call);
  const Errc code = failed.failure;
  undo(Outcome::passed);
  if (failed.is_own_failure) {
    doom_ = {};
    ending_task_ = call;
    const Outcome outcome = fail_agent(self, answer, code);
    ending_task_ = Tasks::kNone;
    if (outcome != Outcome::passed) return outcome;
  }
  (void)settle_call(answer);  // that was undone, too; a timer has fired, and is over
  if (!refuse_caller(self, asked, code)) return undo(Outcome::blocked);
  if (!failed.is_own_failure) ++record_.refused;
  tasks_.end(call);
  return Outcome::passed;
}

// False only if the reply's ring is full.
bool Shard::refuse_caller(AgentId self, const ReplyTo& asked, Errc code) {
  if (!asked) return true;  // a signal, which nobody waits for
  Context::Backend backend{*this, self};
  return backend.reply_to(asked, code, {}).has_value();
}

// All coroutines of an agent, here or gone with the last owner. Errors: backpressure (and the
// outbox is blocked), too_many_changes.
Result<> Shard::end_tasks(AgentId id) {
  for (const TimerId call : timers_.tasks_of(id)) {
    if (call == ending_task_) continue;
    const ReplyTo asked = timers_.asked_by(call);
    if (const Result<> cancelled = timers_.cancel(id, call); !cancelled) return cancelled;
    if (!refuse_caller(id, asked, Errc::interrupted)) return fail(Errc::backpressure);
    ++record_.refused;
    has_ended_tasks_ = true;
  }
  return {};
}

// After the commit, so that nothing brings them back.
void Shard::end_frames() {
  has_ended_tasks_ = false;
  tasks_.end_unless([this](TimerId call) { return timers_.is_set(call); });
}

}  // namespace mabeam::worker

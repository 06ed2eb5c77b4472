// What is due: each timer a step of the turn, beside its messages.
#include "worker/backend.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;
using shm::Witness;

namespace {

/// What a dead letter tells of it; of a call that nobody has answered, the answer.
Received letter_of(const Timers::Due& due) {
  Received message{};
  const bool is_call = due.label.is_call();
  const Errc outcome = due.has_overflowed ? Errc::backpressure : Errc::timed_out;
  message.kind = is_call ? shm::Kind::reply : shm::Kind::timer;
  message.flags = is_call ? static_cast<std::uint16_t>(outcome) : std::uint16_t{0};
  message.header.symbol = due.label.name;
  message.header.source = is_call ? due.callee.value() : due.agent.value();
  message.header.correlation = is_call ? static_cast<std::uint64_t>(due.id()) : 0;
  message.header.target = due.agent.value();
  message.header.id = static_cast<std::uint64_t>(due.id());
  message.header.sent_ns = due.due_ns;
  return message;
}

}  // namespace

// Where turns are full, timers and messages lead by turns, so neither keeps the other out.
void Shard::take_with_timers() {
  timers_lead_ = !timers_lead_;
  if (timers_lead_) fire_timers();
  if (is_over()) {
    --rotation_;  // whose turn it was among senders, it still is
    return;
  }
  if (inbox_.poll()) take_messages();
  if (!timers_lead_ && !is_over()) fire_timers();
}

void Shard::fire_timers() {
  if (!is_unblocked(timer_blockage_)) return;
  const std::int64_t now = clock_.now_ns();
  std::uint32_t quota = std::clamp(limits_.turn_messages / 4, 1U, Timers::kMaxFired);
  for (; quota != 0 && !is_over(); --quota) {
    const std::optional<Timers::Due> due = timers_.next(now);
    if (!due) return;
    timers_.fire(*due, now);  // before its handler, which may want to cancel it
    const Outcome outcome = handle_timer(*due);
    if (outcome == Outcome::commit_first) is_full_ = true;
    if (outcome == Outcome::blocked) {
      timer_blockage_ = outbox_.blockage();
      ++waiting_;
    }
    if (outcome != Outcome::passed) {
      timers_.take_back();
      return;
    }
    if (due->label.is_call()) {
      breakers_.note_silence(static_cast<std::uint32_t>(due->callee.endpoint()));
    }
    ++taken_;
  }
}

Shard::Outcome Shard::handle_timer(const Timers::Due& due) {
  const std::uint64_t witness =
      Witness::pack(Witness::What::timer, endpoint_, 0, due.label.serial, due.index * 8ULL);
  begin_message(witness);
  const Received message = letter_of(due);
  const bool is_traced = tracer_.try_begin_trace(limits_.trace_sample, message, attempt_);
  outbox_.inherit(tracer_.context());
  Outcome outcome = Outcome::passed;
  if (attempt_ > limits_.max_attempts) {
    outbox_.bury(DeadReason::poison, message);
    tracer_.fail(Errc::handler_failed);
    note_poison(message, due.agent);
    timers_.end_last();
  } else {
    outcome = run_timer(due, message, witness);
  }
  if (outcome == Outcome::passed && attempt_ > 1) pass();
  if (is_traced && outcome == Outcome::passed) tracer_.end();
  return outcome;
}

Result<> Shard::call_hook(const TypeDescriptor& type, Context& context, void* state,
                          const Timers::Due& due, const Received& message) {
  const std::string_view name = text_of(due.label.name);
  if (due.label.is_call()) return call_handler(type, context, state, message, name);
  return type.on_timer(context, state, Timer{name, due.id(), std::chrono::nanoseconds{due.due_ns}});
}

// A handler that fails is undone, and its agent does as its type says; its timer has fired all the
// same.
Shard::Outcome Shard::run_timer(const Timers::Due& due, const Received& message,
                                std::uint64_t witness) {
  if (due.is_task) {
    const Outcome resumed = handle_task(message);
    if (agents_.changed_structure()) is_full_ = true;
    return resumed;
  }
  const std::uint32_t slot = due.agent.slot();
  const shm::AgentRecord& agent = agents_.table().record(slot);
  const TypeDescriptor* type = types_.find(agent.type);
  if (type == nullptr) return suspend_for_timer(due.agent, Errc::unknown_type);
  if (!due.label.is_call() && type->on_timer == nullptr) {
    outbox_.bury(DeadReason::unroutable, message);
    return Outcome::passed;
  }
  if (agents_.needs_commit_first(slot)) return Outcome::commit_first;
  shm::StateHeader* state = agents_.touch(slot);
  if (!is_compatible(*type, *state, agent)) {
    const Result<> upgraded = upgrade(*type, slot, *state);
    if (!upgraded) return suspend_for_timer(due.agent, upgraded.error().code);
  }
  Context::Backend backend{*this, due.agent, &message};
  Context context{backend};
  turn_.set_witness(witness);
  Result<> ended = guarded([&] { return call_hook(*type, context, state + 1, due, message); });
  if (ended) ended = doom_;
  ++state->handled;
  if (ended && backend.wants_stop && !outbox_.is_blocked()) ended = end_agent(due.agent);
  turn_.clear_witness();
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (!ended) {
    tracer_.fail(ended.error().code);
    const Outcome failed = fail_agent(due.agent, message, ended.error().code);
    if (failed != Outcome::passed) return failed;
  }
  if (agents_.changed_structure()) is_full_ = true;
  return Outcome::passed;
}

}  // namespace mabeam::worker

// Requests as handlers make and answer them: calls with deadlines, and answers of later.
//
// A call with a deadline is a timer of its agent's, set by the turn that sends the request, and the
// timer's id is the call's correlation. Its answer cancels it in the turn that handles the answer
// (shard_calls.cpp); if it fires, on_reply() is told timed_out. So each such call comes to exactly
// one end, whoever dies, with no words of its own in the segment. A call that may overflow is made
// like that, too: if it does, its timer is due at once, and on_reply() is told backpressure. What
// comes of its dead letter is then an answer to nobody.
#include "shm/clock.hpp"
#include "worker/backend.hpp"

#include <algorithm>

namespace mabeam {

using shm::Kind;

std::int64_t Context::Backend::deadline_of_call(const SendOptions& options) {
  const bool is_served = message != nullptr && message->kind == Kind::request;
  std::int64_t inherited = is_served ? message->header.deadline_ns : 0;
  if (task != nullptr) inherited = task->deadline_ns;
  if (options.is_detached) inherited = 0;
  if (options.deadline.count() <= 0) return inherited;
  shard.clock_.refresh();  // a handler may have run for long
  const std::int64_t own = shm::deadline_after(options.deadline, now_ns());
  return inherited == 0 ? own : std::min(own, inherited);
}

// Before there is a message: what has been sent is never refused.
Result<> Context::Backend::may_call(AgentId to) {
  const auto shard_of_callee = static_cast<std::uint32_t>(to.endpoint());
  if (const Result<> may = shard.breakers_.ask(shard_of_callee); !may) return may;
  return shard.rates_.take(shm::RateKind::action_execution, 1,
                           [&] { return shard.segment_.type_of(to); });
}

// An agent that cannot be told of an answer waits for none. A coroutine that is to answer what was
// `asked` always does, without a deadline for ever.
Result<std::uint64_t> Context::Backend::call(AgentId to, Symbol action, const PayloadRef& payload,
                                             const SendOptions& options, const ReplyTo* asked) {
  if (const Result<> may = may_call(to); !may) return fail(may.error());
  const std::int64_t deadline_ns = deadline_of_call(options);
  const std::uint64_t id = ++shard.record_.next_message_id;
  std::uint64_t correlation = id;
  const TypeDescriptor* type = shard.types_.find(shard.agents_.table().record(self.slot()).type);
  const bool may_wait = options.when_full == WhenFull::wait;
  const bool may_end = deadline_ns != 0 ||  // by itself, without an answer
                       (may_wait && shard.outbox_.may_overflow(to, options.priority));
  const bool is_told = may_end && type != nullptr && type->on_reply != nullptr;
  const bool is_awaited = is_told || asked != nullptr;
  if (is_awaited) {
    const std::int64_t due_ns = deadline_ns == 0 ? worker::Timers::kNever : deadline_ns;
    const Result<TimerId> timer = shard.timers_.set_call(self, action, due_ns, to, asked);
    if (!timer) return fail(timer.error());
    correlation = static_cast<std::uint64_t>(*timer);
    shard.end_full_turn();
  }
  const shm::MessageHeader header{action,       static_cast<std::uint32_t>(payload.content()),
                                  self.value(), to.value(),
                                  id,           correlation,
                                  now_ns(),     deadline_ns};
  const std::size_t letters = shard.outbox_.buried().size();
  shard.outbox_.let_wait(may_wait);
  const Result<> sent =
      shard.outbox_.send(Kind::request, 0, options.priority, header, payload.bytes());
  shard.outbox_.let_wait(true);
  if (sent) {
    const bool has_overflowed = shard.outbox_.buried().size() != letters;
    if (has_overflowed && is_awaited)
      shard.timers_.note_overflow(static_cast<TimerId>(correlation), now_ns());
    return correlation;
  }
  if (is_awaited) (void)shard.timers_.cancel(self, static_cast<TimerId>(correlation));
  return fail(sent.error());
}

ReplyTo Context::Backend::asked() const {
  if (message == nullptr || message->kind != Kind::request) return {};
  const shm::MessageHeader& header = message->header;
  return {AgentId{header.source}, header.correlation, header.deadline_ns, header.symbol, 0};
}

Result<> Context::Backend::call_and_wait(AgentId to, Symbol action, const PayloadRef& payload,
                                         const SendOptions& options) {
  if (task == nullptr && !shard.may_begin_task(self)) return fail(Errc::timers_full);
  const ReplyTo to_answer = task == nullptr ? asked() : *task;
  const Result<std::uint64_t> call_id = call(to, action, payload, options, &to_answer);
  if (!call_id) return fail(call_id.error());
  awaited = static_cast<TimerId>(*call_id);
  return {};
}

Result<> Context::Backend::keep_task(std::unique_ptr<glue::TaskFrame> frame) {
  replied = true;
  replies_later = true;
  shard.tasks_.begin(awaited, std::move(frame));
  return {};
}

Result<> Context::Backend::cancel_call(std::uint64_t correlation) {
  const auto call = static_cast<TimerId>(correlation);
  if (shard.timers_.is_task(call)) return fail(Errc::not_found);
  const Result<AgentId> callee = shard.timers_.callee_of(self, call);
  if (!callee) return fail(callee.error());
  const std::int64_t due_ns = shard.timers_.due_ns(call);
  if (const Result<> cancelled = shard.timers_.cancel(self, call); !cancelled) return cancelled;
  shard.end_full_turn();
  shm::MessageHeader header{};
  header.source = self.value();
  header.target = callee->value();
  header.id = ++shard.record_.next_message_id;
  header.correlation = correlation;
  header.sent_ns = now_ns();
  header.deadline_ns = due_ns;
  const Result<> told = shard.outbox_.send(Kind::cancel, 0, Priority::high, header, {});
  if (!told && shard.outbox_.is_blocked()) return told;
  return {};  // nobody is there to be told
}

bool Context::Backend::fits_a_reply(const PayloadRef& payload) const {
  return payload.bytes().size() <= shard.outbox_.max_payload(Priority::high);
}

Result<ReplyTo> Context::Backend::reply_later() {
  if (message == nullptr || message->kind != Kind::request || replied) {
    return fail(Errc::invalid_argument);
  }
  replied = true;
  replies_later = true;
  return asked();
}

// A caller whose time is up has given back the room of its reply, and been told.
Result<> Context::Backend::reply_to(const ReplyTo& to, Errc code, const PayloadRef& payload) {
  if (!to) return fail(Errc::invalid_argument);
  if (!fits_a_reply(payload)) return fail(Errc::payload_too_large);
  shard.clock_.refresh();
  if (to.deadline_ns != 0 && now_ns() > to.deadline_ns) {
    ++shard.record_.refused;
    return {};
  }
  shm::Received asked{};
  asked.header.symbol = to.action;
  asked.header.source = to.caller.value();
  asked.header.target = self.value();
  asked.header.correlation = to.correlation;
  return shard.answer(asked, code, payload);
}

}  // namespace mabeam

// Requests as handlers make and answer them: calls with deadlines, and answers of later.
//
// A call with a deadline is a timer of its agent's, set by the turn that sends the request, and the
// timer's id is the call's correlation. Its answer cancels it in the turn that handles the answer
// (shard_calls.cpp); if it fires, on_reply() is told timed_out. So each such call comes to exactly
// one end, whoever dies, with no words of its own in the segment. A call that may overflow is made
// like that, too: if it does, on_reply() is told backpressure, and what comes of its dead letter
// after that is an answer to nobody. It is told after a pause, since whoever then calls again at
// once would bury all other dead letters under his own.
#include "shm/clock.hpp"
#include "worker/backend.hpp"

#include <algorithm>
#include <chrono>

namespace mabeam {

using shm::Kind;

namespace {

constexpr std::chrono::milliseconds kOverflowPause{100};

}  // namespace

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

// Errors: as Outbox::send().
Result<> Context::Backend::send_request(const shm::MessageHeader& header, const PayloadRef& payload,
                                        Priority priority, bool may_wait) {
  shard.outbox_.let_wait(may_wait);
  const Result<> sent = shard.outbox_.send(Kind::request, 0, priority, header, payload.bytes());
  shard.outbox_.let_wait(true);
  return sent;
}

// A call that is a timer. If it has become a dead letter, that is due after a pause.
Result<std::uint64_t> Context::Backend::call_with_timer(shm::MessageHeader header,
                                                        const PayloadRef& payload,
                                                        const SendOptions& options,
                                                        const ReplyTo* asked) {
  const std::int64_t due_ns = header.deadline_ns == 0 ? worker::Timers::kNever : header.deadline_ns;
  const Result<TimerId> timer =
      shard.timers_.set_call(self, header.symbol, due_ns, AgentId{header.target}, asked);
  if (!timer) return fail(timer.error());
  header.correlation = static_cast<std::uint64_t>(*timer);
  shard.end_full_turn();
  const std::size_t letters = shard.outbox_.buried().size();
  const Result<> sent =
      send_request(header, payload, options.priority, options.when_full == WhenFull::wait);
  if (!sent) {
    (void)shard.timers_.cancel(self, *timer);
    return fail(sent.error());
  }
  if (shard.outbox_.buried().size() != letters) {
    const std::int64_t told_ns = shm::deadline_after(kOverflowPause, now_ns());
    shard.timers_.note_overflow(*timer, std::min(due_ns, told_ns));
  }
  return header.correlation;
}

// An agent that cannot be told of an answer waits for none. A coroutine that is to answer what was
// `asked` always does, without a deadline for ever. Without either, only a call that there is no
// room for takes a timer: it may become a dead letter.
Result<std::uint64_t> Context::Backend::call(AgentId to, Symbol action, const PayloadRef& payload,
                                             const SendOptions& options, const ReplyTo* asked) {
  if (const Result<> may = may_call(to); !may) return fail(may.error());
  const std::int64_t deadline_ns = deadline_of_call(options);
  const std::uint64_t id = ++shard.record_.next_message_id;
  const shm::MessageHeader header{action,       static_cast<std::uint32_t>(payload.content()),
                                  self.value(), to.value(),
                                  id,           id,
                                  now_ns(),     deadline_ns};
  const TypeDescriptor* type = shard.types_.find(shard.agents_.table().record(self.slot()).type);
  const bool can_be_told = type != nullptr && type->on_reply != nullptr;
  if (asked != nullptr || (can_be_told && deadline_ns != 0)) {
    return call_with_timer(header, payload, options, asked);
  }
  const bool may_wait = options.when_full == WhenFull::wait;
  const bool may_overflow =
      can_be_told && may_wait && shard.outbox_.may_overflow(to, options.priority);
  const Result<> sent = send_request(header, payload, options.priority, may_wait && !may_overflow);
  if (sent) return id;
  if (may_overflow && sent.error().code == Errc::backpressure) {
    return call_with_timer(header, payload, options, nullptr);
  }
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

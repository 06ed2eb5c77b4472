#include "tests/worker/calls_support.hpp"

#include <thread>

namespace mabeam::worker {
namespace {

Result<> ask(Context& context, Asker::State& state, const Message& message) {
  if (message.name() == "cancel") {
    const Result<> done = context.cancel(state.asked);
    state.refusal = done ? Errc{} : done.error().code;
    return {};
  }
  const Result<Asking> how = message.payload().as<Asking>();
  if (!how) return fail(how.error());
  const SendOptions options{.deadline = std::chrono::nanoseconds{how->deadline_ns},
                            .is_detached = how->is_detached != 0};
  if (message.name() == "send") return context.send(AgentId{how->target}, "note", {}, options);
  std::string_view action = "get";
  if (message.name() == "call fail") action = "fail";
  if (message.name() == "call again") action = "again";
  if (Asker::before_call) Asker::before_call();
  const Result<std::uint64_t> call = context.call(AgentId{how->target}, action, {}, options);
  if (call) {
    state.asked = *call;
    ++state.calls;
  } else {
    state.refusal = call.error().code;
  }
  if (how->then_fail != 0) return fail(Errc::invalid_argument);
  return {};
}

}  // namespace

Result<> Asker::on_signal(Context& context, State& state, const Signal& signal) const {
  return ask(context, state, signal);
}

Result<> Asker::on_action(Context& context, State& state, const Action& action) const {
  return ask(context, state, action);
}

Result<> Asker::on_reply(Context& context, State& state, const Reply& reply) const {
  ++state.replies;
  state.answered = reply.correlation();
  state.outcome = reply.outcome() ? Errc{} : reply.outcome().error().code;
  state.source = reply.source().value();
  state.value = reply.payload().as_or<std::int64_t>(-1).value_or(-2);
  if (reply.name() == "fail") return fail(Errc::invalid_argument);
  if (reply.name() == "again" && context.call(reply.source(), "again")) ++state.calls;
  return {};
}

Result<std::int64_t> Later::on_action(Context& context, State& state, const Action& action) const {
  const Result<ReplyTo> to = context.reply_later();
  if (!to) return fail(to.error());
  state.to = *to;
  state.was_refused = context.reply_later() ? 0 : 1;
  if (action.name() == "later then fail") return fail(Errc::invalid_argument);
  return 99;
}

Result<> Later::on_signal(Context& context, State& state, const Signal& signal) const {
  ++state.answers;
  if (signal.name() == "refuse") return context.refuse(state.to, Errc::quarantined);
  return context.reply(state.to, signal.payload());
}

ShardCalls::ShardCalls() {
  Asker::before_call = {};
  kill_all();
  caller_ = create({.type = "asker"}).value();
  puppet_ = create({.shard = 1}).value();
}

void ShardCalls::kill_all() {
  ++incarnation_;
  for (const std::uint32_t index : {0U, 1U})
    adopt(index, incarnation_, kTypes).value();
}

void ShardCalls::call(const Asking& asking, std::string_view action) {
  post(caller_, action, asking);
  run(0);
}

void ShardCalls::overflow(const Asking& asking) {
  fill_ring();
  post(agent_, "send");
  run(0);
  limits_.stall_timeout_ns = 0;
  run(0);
  run(0);
  limits_.stall_timeout_ns = kEndless;
  post(caller_, "call", asking);
  (void)turn(0);
}

void ShardCalls::wait_for_replies(std::uint32_t replies) {
  const std::int64_t deadline = shm::monotonic_ns() + 10'000'000'000;
  while (seen().replies < replies && shm::monotonic_ns() < deadline) {
    run(0);
    std::this_thread::yield();
  }
  EXPECT_EQ(seen().replies, replies);
}

std::int64_t ShardCalls::due_ns() const {
  for (std::uint32_t index = 0; index < kTimers; ++index) {
    if (timer(index).word.load() != 0) return static_cast<std::int64_t>(timer(index).due_ns.load());
  }
  return 0;
}

void ShardCalls::make_last_due() {
  for (std::uint32_t index = 0; index < kTimers; ++index) {
    if (timer(index).word.load() != 0) timer(index).due_ns.store(1);
  }
  kill_all();
}

}  // namespace mabeam::worker

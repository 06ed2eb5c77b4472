// One message: to its agent's handler and back, or refused out loud.
#include "worker/backend.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Kind;
using shm::Received;

namespace {

constexpr std::uint32_t kLatencyEvery = 8;  // the first of every turn is measured, then each eighth

/// What is asked of the shard itself: its answer is all that is owed, so it is no dead letter.
bool is_order(Kind kind) {
  return kind == Kind::replay || kind == Kind::drop || kind == Kind::describe;
}

std::uint32_t endpoint_of(std::uint64_t agent) {
  return static_cast<std::uint32_t>(AgentId{agent}.endpoint());
}

/// Of a call with a deadline (context_calls.cpp): its correlation is the id of its timer.
bool is_answer_to_call(const Received& message) {
  return message.kind == Kind::reply &&
         shm::TimerLabel::is_call(static_cast<TimerId>(message.header.correlation));
}

bool wants_answer(Kind kind) {
  return kind == Kind::request || kind == Kind::create || kind == Kind::stop ||
         kind == Kind::restart || kind == Kind::stop_many || kind == Kind::suspend ||
         kind == Kind::resume || kind == Kind::update || is_order(kind);
}

}  // namespace

// Most messages have the name of the one before. A text never changes; that there is none may.
std::string_view Shard::text_of(Symbol symbol) noexcept {
  if (symbol != last_symbol_ || last_text_.empty()) {
    last_symbol_ = symbol;
    last_text_ = symbols_.text(symbol);
  }
  return last_text_;
}

Shard::Outcome Shard::undo(Outcome outcome) noexcept {
  agents_.undo_message();
  timers_.undo_message();
  parking_.undo(witness_);
  tasks_.undo_message();
  outbox_.undo_message();
  tracer_.undo();
  record_.refused = refused_before_;
  return outcome;
}

Shard::Outcome Shard::handle(const Source& source, const Received& message, std::uint64_t witness) {
  clock_.catch_up(message.header.sent_ns);
  begin_message(witness);
  if (message.is_traced) [[unlikely]]
    begin_span(message, AgentId{message.header.target});
  Outcome outcome = Outcome::passed;
  if (static_cast<std::uint32_t>(AgentId{message.header.source}.endpoint()) != source.endpoint) {
    outbox_.bury(DeadReason::unroutable, message, true);  // nobody speaks in another's name
    tracer_.fail(Errc::invalid_argument);
  } else if (attempt_ > limits_.max_attempts) [[unlikely]] {
    outcome = bury_poison(message, AgentId{message.header.target});
  } else {
    outcome = handle_kind(message, witness);
  }
  if (outcome == Outcome::passed) [[likely]] {
    if (taken_ % kLatencyEvery == 0) sent_ns_.push_back(message.header.sent_ns);
    if (attempt_ > 1) [[unlikely]]
      pass();
    if (agents_.changed_structure()) is_full_ = true;
    if (message.is_traced) [[unlikely]]
      tracer_.end();
  }
  return outcome;
}

Shard::Outcome Shard::bury_poison(const Received& message, AgentId agent) {
  if (ends_tree(message)) return handle_stop(message);  // all of it ends, without on_stop()
  outbox_.bury(DeadReason::poison, message);
  tracer_.fail(Errc::handler_failed);
  if (message.kind == Kind::stop) quarantine(AgentId{message.header.target});
  if (wants_answer(message.kind) && !answer(message, Errc::handler_failed, {})) {
    return undo(Outcome::blocked);
  }
  note_poison(message, agent);
  return Outcome::passed;
}

void Shard::note_poison(const Received& message, AgentId agent) {
  if (notes_ == nullptr) return;
  std::array<char, shm::kNameRoom> name{};
  std::size_t length = 0;
  if (agents_.table().is_alive(agent)) {
    name = agents_.table().name(agent.slot());
    length = std::min<std::size_t>(agents_.table().record(agent.slot()).name_length, name.size());
  }
  const bool is_stop = message.kind == Kind::stop;  // which has no name of its own
  notes_->poison({shard_,
                  is_stop ? "stop" : text_of(message.header.symbol),
                  agent,
                  {name.data(), length},
                  attempt_ - 1},
                 shm::monotonic_ns());
}

// The message that was to blame for a death is over, one way or the other.
void Shard::pass() noexcept {
  ++record_.redelivered;
  record_.blamed_witness = 0;
  record_.blamed_count = 0;
  single_steps_ = 0;
}

Shard::Outcome Shard::handle_kind(const Received& message, std::uint64_t witness) {
  const std::int64_t deadline = message.header.deadline_ns;
  if (deadline != 0 && clock_.now_ns() > deadline && attempt_ == 1 && may_expire(message)) {
    const Outcome outcome = refuse(message, Errc::timed_out, DeadReason::expired);
    if (outcome == Outcome::passed) ++record_.expired;
    return outcome;
  }
  switch (message.kind) {
    case Kind::request:
      if (cancelled_.has_any() && is_cancelled(message)) [[unlikely]]
        return refuse_silently();
      break;
    case Kind::signal:
      break;
    case Kind::reply:
      breakers_.note_answer(endpoint_of(message.header.source), message.header.sent_ns);
      break;
    case Kind::event:
      return handle_replayed(message, witness);
    case Kind::create:
      return handle_create(message);
    case Kind::stop:
      return handle_stop(message);
    case Kind::restart:
      return handle_restart(message);
    case Kind::replay:
    case Kind::drop:
      return handle_letter(message);
    case Kind::describe:
      return handle_describe(message);
    case Kind::stop_many:
      return handle_stop_many(message);
    case Kind::suspend:
    case Kind::resume:
      return handle_suspension(message);
    case Kind::update:
      return handle_update(message);
    case Kind::cancel:
      return note_cancel(message);
    case Kind::stop_children:
      return handle_stop_children(message);
    default:
      return refuse(message, Errc::invalid_argument, DeadReason::unroutable);
  }
  return handle_for_agent(message, witness);
}

// Ends the call that an answer is to. What became of the answer, if it is not on_reply()'s.
std::optional<Shard::Outcome> Shard::meet_answer(const Received& answer) {
  if (!settle_call(answer)) return refuse_silently();
  if (!timers_.is_task(static_cast<TimerId>(answer.header.correlation))) return std::nullopt;
  const Outcome resumed = handle_task(answer);
  if (resumed == Outcome::passed) ++record_.delivered;
  return resumed;
}

Shard::Outcome Shard::handle_for_agent(const Received& message, std::uint64_t witness) {
  const AgentId target{message.header.target};
  if (static_cast<std::uint32_t>(target.endpoint()) != endpoint_ ||
      !agents_.table().is_ready(target)) [[unlikely]] {
    if (const std::optional<Outcome> met = meet_unready(message)) return *met;
  }
  const std::uint32_t slot = target.slot();
  const TypeDescriptor* type = types_.find(agents_.table().record(slot).type);
  if (type == nullptr) [[unlikely]]
    return suspend_for(message, target, Errc::unknown_type);
  if (agents_.needs_commit_first(slot)) return Outcome::commit_first;
  if (is_answer_to_call(message)) {
    if (const std::optional<Outcome> met = meet_answer(message)) return *met;
  }
  shm::StateHeader* state = agents_.touch(slot);
  if (!is_compatible(*type, *state, agents_.table().record(slot))) [[unlikely]] {
    const Result<> upgraded = upgrade(*type, slot, *state);
    if (!upgraded) return suspend_for(message, target, upgraded.error().code);
  }
  Context::Backend backend{*this, target, &message};
  Context context{backend};
  turn_.set_witness(witness);
  Result<> result = guarded([&] {
    return call_handler(*type, context, state + 1, message, text_of(message.header.symbol));
  });
  if (result && !doom_) [[unlikely]]
    result = doom_;
  ++state->handled;
  if (result && backend.wants_stop && !outbox_.is_blocked()) result = end_agent(target);
  turn_.clear_witness();
  const bool is_plain = result && (message.kind != Kind::request || backend.replied);
  if (is_plain && !outbox_.is_blocked() && !wants_to_listen_) [[likely]] {
    ++record_.delivered;
    return Outcome::passed;
  }
  return finish_slowly(message, result, backend.replied);
}

Shard::Outcome Shard::finish_slowly(const Received& message, const Result<>& result, bool replied) {
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (!result) {
    const AgentId target{message.header.target};
    tracer_.fail(result.error().code);
    const Outcome failed = fail_agent(target, message, result.error().code);
    if (failed != Outcome::passed) return failed;
    if (is_answer_to_call(message)) (void)settle_call(message);  // that was undone, too
    if (message.kind == Kind::request && !answer(message, result.error().code, {})) {
      return undo(Outcome::blocked);
    }
  } else if (message.kind == Kind::request && !replied && !answer(message, Errc{}, {})) {
    return undo(Outcome::blocked);
  }
  ++record_.delivered;
  return Outcome::passed;
}

Shard::Outcome Shard::refuse(const Received& message, Errc code, DeadReason reason) {
  const bool is_answered = wants_answer(message.kind);
  tracer_.fail(code);
  const std::uint64_t refused = record_.refused + 1;  // once, whether or not anybody hears of it
  if (is_answered && !answer(message, code, {})) return undo(Outcome::blocked);
  if (!is_answered || (reason == DeadReason::expired && !is_order(message.kind))) {
    outbox_.bury(reason, message);
  }
  record_.refused = refused;
  return Outcome::passed;
}

// False only if the reply's ring is full. A reply that can never fit, or that nobody can get, is
// counted as refused: its caller's deadline tells it.
Result<> Shard::answer(const Received& message, Errc code, const PayloadRef& payload) {
  shm::MessageHeader header = message.header;
  header.source = message.header.target;
  header.target = message.header.source;
  header.content = static_cast<std::uint32_t>(payload.content());
  header.id = ++record_.next_message_id;
  header.sent_ns = clock_.now_ns();
  header.deadline_ns = 0;
  const Result<> sent = outbox_.send(Kind::reply, static_cast<std::uint16_t>(code), Priority::high,
                                     header, payload.bytes());
  if (sent || outbox_.is_blocked()) return sent;
  ++record_.refused;
  return {};
}

// An event is for nobody in particular; it has died for this subscriber.
void Shard::bury_event(DeadReason reason, const Received& message, std::uint32_t slot) {
  Received buried = message;
  buried.header.target = agents_.id_of(slot).value();
  outbox_.bury(reason, buried);
}

Shard::Outcome Shard::handle_event(const Received& message, std::uint32_t slot,
                                   std::uint64_t witness) {
  clock_.catch_up(message.header.sent_ns);
  begin_message(witness);
  if (message.is_traced) [[unlikely]]
    begin_span(message, agents_.id_of(slot));
  const Outcome outcome = run_event(message, slot, witness);
  if (message.is_traced && outcome == Outcome::passed) [[unlikely]]
    tracer_.end();
  return outcome;
}

Shard::Outcome Shard::run_event(const Received& message, std::uint32_t slot,
                                std::uint64_t witness) {
  const shm::AgentRecord& agent = agents_.table().record(slot);
  const TypeDescriptor* type = types_.find(agent.type);
  const AgentId self = agents_.id_of(slot);
  if (attempt_ > limits_.max_attempts) {
    bury_event(DeadReason::poison, message, slot);
    tracer_.fail(Errc::handler_failed);
    note_poison(message, self);
    return Outcome::passed;
  }
  if (!agents_.table().is_ready(self)) [[unlikely]] {
    const Lifecycle lifecycle = agents_.table().lifecycle_of(self);
    if (lifecycle == Lifecycle::free) {  // it is being ended
      tracer_.drop();
      return Outcome::passed;
    }
    if (waits_for(lifecycle)) return park_message(message, self);
  }
  if (type == nullptr) [[unlikely]]
    return suspend_for(message, self, Errc::unknown_type);
  if (type->on_event == nullptr) {
    tracer_.drop();
    return Outcome::passed;
  }
  if (agents_.needs_commit_first(slot)) return Outcome::commit_first;
  shm::StateHeader* state = agents_.touch(slot);
  if (!is_compatible(*type, *state, agent)) [[unlikely]] {
    const Result<> upgraded = upgrade(*type, slot, *state);
    if (!upgraded) return suspend_for(message, self, upgraded.error().code);
  }
  Context::Backend backend{*this, self, &message};
  Context context{backend};
  turn_.set_witness(witness);
  Result<> ended = guarded([&] {
    return call_handler(*type, context, state + 1, message, text_of(message.header.symbol));
  });
  if (ended) ended = doom_;
  ++state->handled;
  if (ended && backend.wants_stop && !outbox_.is_blocked()) ended = end_agent(self);
  turn_.clear_witness();
  return finish_event(message, self, ended);
}

// An event that a client replays to one agent, whatever that is subscribed to.
Shard::Outcome Shard::handle_replayed(const Received& message, std::uint64_t witness) {
  const AgentId target{message.header.target};
  if (static_cast<std::uint32_t>(target.endpoint()) != endpoint_ ||
      !agents_.table().exists(target)) {
    return refuse(message, Errc::not_found, DeadReason::no_agent);
  }
  const Outcome outcome = handle_event(message, target.slot(), witness);
  if (outcome == Outcome::passed) ++record_.events_delivered;
  return outcome;
}

Shard::Outcome Shard::finish_event(const Received& message, AgentId self, const Result<>& ended) {
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (!ended) {
    tracer_.fail(ended.error().code);
    const Outcome failed = fail_agent(self, message, ended.error().code);
    if (failed != Outcome::passed) return failed;
  }
  if (agents_.changed_structure()) is_full_ = true;
  return Outcome::passed;
}

}  // namespace mabeam::worker

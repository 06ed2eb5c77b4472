// Dead letters: delivered again or given up, by order of a client.
//
// A replay is one message like any other: its turn runs the handler of the letter's target in the
// letter's place, and writes that the letter is settled, by one store. What fails (the handler, a
// target that is gone) undoes both, so the letter waits on; a handler that fails is its agent's
// failure, as with any message. In whose name:
//   a signal, event or reply   its sender's, which this shard has checked when it came;
//   a request                  the client's that asks for the replay, and gets the answer: the
//                              first caller has been told already that there is none;
//   for another shard          the sender's: an agent of this shard, whose message overflowed, or
//                              the shard itself (shard_stop_children.cpp).
// A replayed message has no deadline. One whose ring is still congested overflows again, into a
// letter with another number.
#include "shm/letters.hpp"
#include "worker/backend.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::Kind;
using shm::LetterFate;
using shm::Received;

Result<shm::Letter> Shard::find_letter(const Received& order) const {
  std::uint64_t number = 0;
  if (order.payload.size() != sizeof number) return fail(Errc::invalid_argument);
  std::memcpy(&number, order.payload.data(), sizeof number);
  shm::Letters letters = shm::read_letters(segment_.dead_letters(shard_));
  const auto found =
      std::find_if(letters.waiting.begin(), letters.waiting.end(),
                   [&](const shm::Letter& letter) { return letter.number == number; });
  if (found == letters.waiting.end()) return fail(Errc::not_found);
  return std::move(*found);
}

// Runs as its target's handler would have. Errors: closed (the target is gone), suspended,
// unknown_type, those of upgrade(), and the handler's.
Result<> Shard::run_letter(const Received& letter, LetterRun& run) {
  const AgentId target{letter.header.target};
  if (!agents_.table().is_alive(target)) return fail(Errc::closed);
  if (waits_for(agents_.table().lifecycle_of(target))) return fail(Errc::suspended);
  const shm::AgentRecord& agent = agents_.table().record(target.slot());
  const TypeDescriptor* type = types_.find(agent.type);
  if (type == nullptr) return fail(Errc::unknown_type);
  shm::StateHeader* state = agents_.touch(target.slot());
  if (!is_compatible(*type, *state, agent)) {
    if (const Result<> upgraded = upgrade(*type, target.slot(), *state); !upgraded) return upgraded;
  }
  Context::Backend backend{*this, target, &letter};
  Context context{backend};
  run.has_begun = true;
  turn_.set_witness(witness_);
  Result<> result = guarded([&] {
    return call_handler(*type, context, state + 1, letter, text_of(letter.header.symbol));
  });
  if (result) result = doom_;
  ++state->handled;
  if (result && backend.wants_stop && !outbox_.is_blocked()) result = end_agent(target);
  turn_.clear_witness();
  run.has_answered = backend.replied;
  return result;
}

Result<> Shard::deliver_letter(const Received& order, const shm::Letter& letter, LetterRun& run) {
  if (!shm::is_replayable(letter, endpoint_)) return fail(Errc::not_replayable);
  Received again{letter.kind, letter.flags, letter.header, letter.payload};
  again.header.deadline_ns = 0;
  again.is_traced = order.is_traced;  // it is of the trace of whoever replays it
  again.trace = order.trace;
  if (static_cast<std::uint32_t>(AgentId{again.header.target}.endpoint()) == endpoint_) {
    if (letter.kind == Kind::request) {
      again.header.source = order.header.source;
      again.header.correlation = order.header.correlation;
    }
    return run_letter(again, run);
  }
  if (static_cast<std::uint32_t>(AgentId{again.header.source}.endpoint()) != endpoint_) {
    return fail(Errc::not_replayable);
  }
  again.header.sent_ns = clock_.now_ns();
  const auto priority = letter.kind == Kind::reply ? Priority::high : Priority::normal;
  return outbox_.send(again.kind, again.flags, priority, again.header, again.payload);
}

Shard::Outcome Shard::handle_letter(const Received& order) {
  const Result<shm::Letter> letter = find_letter(order);
  if (!letter) return refuse(order, letter.error().code, shm::DeadReason::unroutable);
  const AgentId target{letter->header.target};
  const bool is_here = static_cast<std::uint32_t>(target.endpoint()) == endpoint_ &&
                       target.slot() < agents_.table().size();
  const bool replays = order.kind == Kind::replay;
  if (replays && is_here && agents_.needs_commit_first(target.slot())) {
    return Outcome::commit_first;
  }
  const LetterFate fate = replays ? LetterFate::replayed : LetterFate::dropped;
  // First of all: in a turn of its own there is room for it.
  if (!outbox_.settle_letter(letter->number, fate, AgentId{order.header.source})) {
    return undo(Outcome::commit_first);
  }
  LetterRun run;
  Result<> done;
  if (replays) done = deliver_letter(order, *letter, run);
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (!done) {
    const Received failed{letter->kind, letter->flags, letter->header, letter->payload};
    const Outcome undone =
        run.has_begun ? fail_agent(target, failed, done.error().code) : undo(Outcome::passed);
    if (undone != Outcome::passed) return undone;
    return refuse(order, done.error().code, shm::DeadReason::unroutable);
  }
  if (!run.has_answered && !answer(order, Errc{}, {})) return undo(Outcome::blocked);
  ++(replays ? record_.letters_replayed : record_.letters_dropped);
  ++record_.delivered;
  is_full_ = true;  // the next order must see that this letter is settled
  return Outcome::passed;
}

}  // namespace mabeam::worker

// Replay: what waited for an agent that resumes is handled before anything newer, some of it a
// turn.
//
// A pass over the parking log at a turn's beginning: messages of agents that resume are handled as
// if they came from their rings again, those for agents that are gone are refused, the others stay.
// An agent is ready again by a turn of its own, once none of its messages is left.
#include "worker/shard.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

namespace {

constexpr std::uint32_t kMostFinished = 64;  // agents that become ready in one turn

bool may_wait(shm::Kind kind) {
  return kind >= shm::Kind::event && kind <= shm::Kind::reply;
}

}  // namespace

// Half of a turn, so that the rings are served as well.
void Shard::replay() {
  if (finish_resuming() || !is_unblocked(replay_blockage_)) return;
  const std::uint32_t quota = std::max(1U, limits_.turn_messages / 2);
  shm::Record record;
  Received message;
  parking_.begin_pass();
  while (taken_ < quota && !is_over()) {
    const shm::RingConsumer::Look seen = parking_.look(record);
    if (seen == shm::RingConsumer::Look::empty) break;
    if (seen == shm::RingConsumer::Look::corrupt || !shm::parse(record, message)) {
      begin_message(0);
      bury_corrupt(endpoint_, parking_.give_up());
      ++taken_;
      break;
    }
    const AgentId target{message.header.target};
    if (parking_.is_suspended(target)) {
      parking_.keep(record);
      continue;
    }
    replay_ = Replay::running;
    const Outcome outcome = replay_one(record, message);
    const bool is_over_now = outcome == Outcome::passed && replay_ == Replay::running;
    replay_ = Replay::none;
    if (outcome == Outcome::commit_first) is_full_ = true;
    if (outcome == Outcome::blocked) {
      replay_blockage_ = outbox_.blockage();
      ++waiting_;
    }
    if (outcome == Outcome::passed) ++taken_;
    if (!is_over_now) {
      parking_.keep(record);
      break;
    }
    parking_.take(record, target);
  }
  parking_.end_pass(record_.blamed_witness);
}

Shard::Outcome Shard::replay_one(const shm::Record& record, const Received& message) {
  const AgentId target{message.header.target};
  const std::uint64_t witness = parking_.witness_of(record, target);
  const bool is_alive = static_cast<std::uint32_t>(target.endpoint()) == endpoint_ &&
                        agents_.table().is_alive(target);
  if (message.kind == shm::Kind::event && is_alive) {
    const Outcome outcome = handle_event(message, target.slot(), witness);
    if (outcome == Outcome::passed && attempt_ > 1) pass();
    return outcome;
  }
  if (message.kind == shm::Kind::event || !may_wait(message.kind)) {
    begin_message(witness);
    return refuse(message, Errc::not_found, DeadReason::no_agent);
  }
  if (!in_turn_) begin_turn();
  const std::size_t measured = sent_ns_.size();
  replayed_.endpoint = static_cast<std::uint32_t>(AgentId{message.header.source}.endpoint());
  const Outcome outcome = handle(replayed_, message, witness);
  sent_ns_.resize(measured);  // how long it has waited is no latency
  return outcome;
}

bool Shard::finish_resuming() {
  std::uint32_t finished = 0;
  for (const std::uint32_t slot : parking_.resuming()) {
    if (parking_.waiting_for(slot) != 0 || finished == kMostFinished) continue;
    if (finished++ == 0) begin_message(0);
    (void)agents_.set_lifecycle(slot, Lifecycle::ready, Errc{});  // far from too many
  }
  if (finished == 0) return false;
  is_full_ = true;
  ++taken_;
  return true;
}

}  // namespace mabeam::worker

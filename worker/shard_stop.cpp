// Stopping: one agent, or one with all that descend from it. What descends from it on other shards
// those end (shard_stop_children.cpp): each turn tells them whom it ends.
//
// A tree is ended over several turns. The request stays at the head of its ring until the last one
// is gone, and so do its reason and the address of its answer; what has been done is in the slot
// words. So a successor needs to be told nothing: it takes the request again and goes on.
//
//   turn 1      the root and what else has children is marked `terminating`: takes no messages and
//               makes no more children
//   each turn   at most kMostEnds are marked or ended, children before their parents, siblings
//               in no promised order; on_stop() of each runs
//   last turn   the root ends, the answer goes out, the request is passed
//
// What waits behind the request in its ring waits until then. A child that is not reached yet works
// on. One that its parent's on_stop() makes is no descendant: it lives on.
//
// A turn whose effects do not fit is tried again with a single agent. An on_stop() that kills its
// worker max_attempts times makes the request a dead letter (poison); the rest then ends without
// on_stop().
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <algorithm>
#include <cstring>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

namespace {

/// No payload is a stop of one agent, for no reason.
Result<shm::StopRequest> stop_request(const Received& message) {
  shm::StopRequest request;
  if (message.payload.empty()) return request;
  if (message.payload.size() != sizeof request) return fail(Errc::invalid_argument);
  std::memcpy(&request, message.payload.data(), sizeof request);
  if (request.with_children > 1 || request.reason_length > shm::kMaxReasonBytes) {
    return fail(Errc::invalid_argument);
  }
  return request;
}

}  // namespace

// A request that ends more than one agent, or has begun to. Once poison it runs no on_stop().
bool Shard::ends_tree(const Received& message) const noexcept {
  if (is_being_ended(message)) return true;
  if (message.kind != shm::Kind::stop) return false;
  const Result<shm::StopRequest> request = stop_request(message);
  return request && request->with_children != 0;
}

bool Shard::is_being_ended(const Received& message) const noexcept {
  const AgentId target{message.header.target};
  return message.kind == shm::Kind::stop &&
         static_cast<std::uint32_t>(target.endpoint()) == endpoint_ &&
         agents_.table().is_terminating(target);
}

Shard::Outcome Shard::handle_stop(const Received& message) {
  const AgentId target{message.header.target};
  const bool goes_on = is_being_ended(message);
  if (static_cast<std::uint32_t>(target.endpoint()) != endpoint_ ||
      (!goes_on && !agents_.table().is_alive(target))) {
    return refuse(message, Errc::not_found, DeadReason::no_agent);
  }
  const Result<shm::StopRequest> request = stop_request(message);
  if (!request) return refuse(message, request.error().code, DeadReason::unroutable);
  if (goes_on || request->with_children != 0) return end_tree(message, request->reason_text());
  if (agents_.needs_commit_first(target.slot())) return Outcome::commit_first;
  turn_.set_witness(witness_);
  const Result<> ended = end_agent(target, request->reason_text());
  turn_.clear_witness();
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (!ended) {
    undo(Outcome::passed);
    return refuse(message, ended.error().code, DeadReason::unroutable);
  }
  if (!answer(message, Errc{}, {})) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

Shard::Outcome Shard::end_tree(const Received& message, std::string_view reason) {
  const AgentId root{message.header.target};
  const Outcome outcome = end_share({&root, 1}, reason);
  if (outcome != Outcome::passed) return outcome;
  const bool is_poison = !runs_hooks();
  if (is_poison) outbox_.bury(DeadReason::poison, message);
  if (!answer(message, is_poison ? Errc::handler_failed : Errc{}, {})) {
    return undo(Outcome::blocked);
  }
  if (is_poison) note_poison(message, root);
  ++record_.delivered;
  return Outcome::passed;
}

// One turn's share of ending trees. Passed when all of these roots have ended.
Shard::Outcome Shard::end_share(std::span<const AgentId> roots, std::string_view reason) {
  const bool is_suspect = attempt_ > 1 && runs_hooks();
  const std::uint32_t most = is_suspect ? 1 : most_ends_;
  tree_ended_.clear();
  turn_.set_witness(witness_);
  Result<bool> ended = end_some(roots, reason, most);
  turn_.clear_witness();
  if (ended && !outbox_.is_blocked()) {
    if (const Result<> told = tell_other_shards(reason); !told) ended = fail(told.error());
  }
  if (most > 1 && (!ended || outbox_.is_blocked() || outbox_.is_overfull())) {
    most_ends_ = 1;
    ++taken_;  // so that the next turn follows at once
    return undo(Outcome::commit_first);
  }
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  const bool is_gone = ended ? *ended : end_stubborn(roots.front(), reason) && roots.size() == 1;
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (!is_gone) {
    most_ends_ = std::min(kMostEnds, most * 2);
    ++taken_;
    return Outcome::commit_first;
  }
  most_ends_ = kMostEnds;
  return Outcome::passed;
}

// True when all of the roots have ended.
Result<bool> Shard::end_some(std::span<const AgentId> roots, std::string_view reason,
                             std::uint32_t budget) {
  for (const AgentId root : roots) {
    if (agents_.is_ending(root.slot())) return false;  // by another's tree; damage may have it so
    const Result<bool> ended = end_some(root, reason, budget);
    if (!ended || !*ended) return ended;
  }
  return true;
}

// Goes through the tree, children first. True when the root has ended. Stops at one that this turn
// has touched before, since undo() takes back any number of first touches and only one other: it is
// marked, so nothing touches it before the next turn comes to it. Errors: those of end_agent().
Result<bool> Shard::end_some(AgentId root, std::string_view reason, std::uint32_t& budget) {
  const Children& children = agents_.children();
  std::uint32_t slot = descend(root.slot(), budget);
  while (budget != 0) {
    if (agents_.is_touched(slot)) {
      const Result<> marked = agents_.mark_terminating(slot);
      return marked ? Result<bool>{false} : Result<bool>{fail(marked.error())};
    }
    const Result<> ended = end_one(agents_.id_of(slot), reason, runs_hooks());
    if (!ended) return fail(ended.error());
    if (outbox_.is_blocked()) return false;
    --budget;
    if (slot == root.slot()) return true;
    const std::uint32_t next = children.next(slot);
    // Without a next one, all children of the parent have ended.
    slot = next == Children::kNone ? children.parent(slot) : descend(next, budget);
  }
  return false;
}

Result<> Shard::end_one(AgentId id, std::string_view reason, bool runs_hook) {
  const Result<> ended = end_agent(id, reason, runs_hook);
  if (ended) tree_ended_.push_back(id.value());
  return ended;
}

// Down to the first that has no children, marking those that have.
std::uint32_t Shard::descend(std::uint32_t slot, std::uint32_t& budget) {
  const Children& children = agents_.children();
  while (budget != 0 && children.first(slot) != Children::kNone) {
    if (!agents_.table().is_terminating(agents_.id_of(slot))) {
      if (!agents_.mark_terminating(slot)) break;
      --budget;
    }
    slot = children.first(slot);
  }
  return slot;
}

// One agent that does not end with its on_stop(), or has more subscriptions than a message may
// change: they are taken away in portions, then it ends without on_stop(). True when that was the
// root.
bool Shard::end_stubborn(AgentId root, std::string_view reason) {
  undo(Outcome::commit_first);
  tree_ended_.clear();
  std::uint32_t budget = 1;
  const std::uint32_t slot = descend(root.slot(), budget);
  if (!agents_.unsubscribe(slot, Symbol::none) || agents_.changed_structure()) return false;
  doom_ = {};
  if (!end_one(agents_.id_of(slot), reason, false) || !tell_other_shards(reason)) return false;
  return slot == root.slot();
}

}  // namespace mabeam::worker

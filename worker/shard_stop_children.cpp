// Descendants on other shards. Agents that a client creates with a parent, or a handler for another
// agent than its own, may live anywhere: who is ended with its tree has children there, perhaps.
//
//   1. A turn that ends agents of a tree (shard_stop.cpp) tells every other shard which, as part of
//      the turn: they have ended, and are told of, by one store.
//   2. Who is told marks their children here as `terminating`. That waits for nobody, so the
//   message
//      passes, and no circle of full rings can hold up both ends of it.
//   3. Marked agents are the bereaved: turn by turn, beside the messages, they are ended with all
//      that descend from them here, and that is told in turn.
//
// What has been done is in the slot words, what is to be done follows from them: an agent that is
// `terminating`, and whose parent on another shard is gone, is bereaved. So a successor needs to be
// told nothing.
//
// A child that comes late. Its shard looks at its parent's slot word before it creates it. If that
// says alive, what told of the parent's end had not been taken by then, since tails are stored
// behind slot words (shm/turn.hpp); it is taken after the turn that made the child, which a message
// that changes structure ends, and finds the child. If not, the child is refused. Whoever replays
// either turn replays its order, too.
//
// Nobody is waited for, nor told that it is done. A shard whose ring stays full for stall_timeout
// is told by a dead letter (overflow), which can be replayed: until then its agents live on.
//
// An on_stop() of the bereaved that kills its worker max_attempts times is not run again, nor any
// other until all of them have ended.
#include "worker/shard.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Kind;
using shm::Received;

namespace {

constexpr std::uint64_t kIdBytes = sizeof(std::uint64_t);

/// What a Kind::stop_children says: a copy.
struct EndedParents {
  shm::StopChildrenRequest request;
  std::array<std::uint64_t, shm::kMostInOneMessage> ids{};

  [[nodiscard]] std::span<const std::uint64_t> all() const { return {ids.data(), request.count}; }
};

/// Nothing if it is none, or names others than its sender's agents.
Result<EndedParents> read_parents(const Received& message) {
  EndedParents parents;
  if (message.payload.size() < sizeof parents.request) return fail(Errc::invalid_argument);
  std::memcpy(&parents.request, message.payload.data(), sizeof parents.request);
  const std::span<const std::byte> rest = message.payload.subspan(sizeof parents.request);
  const std::uint32_t count = parents.request.count;
  if (count == 0 || count > parents.ids.size() || rest.size() != count * kIdBytes ||
      parents.request.reason_length > shm::kMaxReasonBytes) {
    return fail(Errc::invalid_argument);
  }
  std::memcpy(parents.ids.data(), rest.data(), rest.size());
  const EndpointId sender = AgentId{message.header.source}.endpoint();
  for (const std::uint64_t id : parents.all()) {
    if (AgentId{id}.endpoint() != sender) return fail(Errc::invalid_argument);
  }
  return parents;
}

}  // namespace

// Errors: backpressure (and is_blocked()), message_too_large (what the agents have sent has filled
// a ring). Who cannot be told at all is told by a dead letter.
Result<> Shard::tell_other_shards(std::string_view reason) {
  if (tree_ended_.empty()) return {};
  shm::StopChildrenRequest request{.count = static_cast<std::uint32_t>(tree_ended_.size()),
                                   .reason_length = static_cast<std::uint32_t>(reason.size())};
  std::copy(reason.begin(), reason.end(), request.reason.begin());
  std::array<std::byte, sizeof request + shm::kMostInOneMessage * kIdBytes> payload{};
  const std::size_t ids_bytes = tree_ended_.size() * kIdBytes;
  std::memcpy(payload.data(), &request, sizeof request);
  std::memcpy(payload.data() + sizeof request, tree_ended_.data(), ids_bytes);
  Received message{Kind::stop_children, 0, {}, {payload.data(), sizeof request + ids_bytes}};
  message.header.content = static_cast<std::uint32_t>(Content::bytes);
  message.header.source =
      AgentId{static_cast<EndpointId>(endpoint_), AgentId::kClientSlot, 0}.value();
  message.header.sent_ns = clock_.now_ns();
  for (std::uint32_t shard = 0; shard < segment_.dimensions().shards; ++shard) {
    if (shard == shard_) continue;
    const auto other = static_cast<EndpointId>(shm::Segment::endpoint_of_shard(shard));
    message.header.target = AgentId{other, 0, 0}.value();
    message.header.id = ++record_.next_message_id;
    const Result<> told =
        outbox_.send(message.kind, 0, Priority::normal, message.header, message.payload);
    if (told) continue;
    const Errc code = told.error().code;
    if (code == Errc::backpressure || code == Errc::message_too_large) return told;
    outbox_.bury(DeadReason::corrupt, message);
  }
  return {};
}

// Ends nobody yet, so it needs no room anywhere. Parents that are still there have not been ended,
// whatever is said of them.
Shard::Outcome Shard::handle_stop_children(const Received& message) {
  const AgentId sender{message.header.source};
  const auto from = static_cast<std::uint32_t>(sender.endpoint());
  const Result<EndedParents> parents = read_parents(message);
  if (!parents || !segment_.is_shard(from) || from == endpoint_) {
    return refuse(message, Errc::invalid_argument, DeadReason::unroutable);
  }
  const Children& children = agents_.children();
  std::uint32_t budget = kMostEnds;
  bereaved_.begin_marking(parents->request.reason_text());
  for (const std::uint64_t id : parents->all()) {
    if (!children.has_foreign()) break;
    std::uint32_t slot = children.first_of_foreign(AgentId{id});
    if (slot == Children::kNone || segment_.exists(AgentId{id})) continue;
    for (; slot != Children::kNone; slot = children.next(slot)) {
      if (agents_.is_ending(slot)) continue;  // a parent that is named twice
      if (budget == 0 || !agents_.mark_terminating(slot)) {
        ++taken_;  // so that the next turn follows at once
        return Outcome::commit_first;
      }
      --budget;
      bereaved_.mark(agents_.id_of(slot));
    }
  }
  ++record_.delivered;
  return Outcome::passed;
}

void Shard::end_bereaved() {
  if (!is_unblocked(end_blockage_)) return;
  const Bereaved::Batch batch = bereaved_.next(agents_.table());
  if (batch.roots.empty()) return;
  begin_message(shm::Witness::pack(shm::Witness::What::end, endpoint_, 0, 0, 0));
  const Outcome outcome = end_share(batch.roots, batch.reason);
  if (outcome == Outcome::blocked) {
    end_blockage_ = outbox_.blockage();
    ++waiting_;
    return;
  }
  is_full_ = true;
  if (outcome != Outcome::passed) return;
  ++taken_;
  if (attempt_ == 1 || !batch.is_last) return;
  if (!runs_hooks() && notes_ != nullptr) {
    notes_->poison({shard_, "stop", batch.roots.front(), {}, attempt_ - 1}, shm::monotonic_ns());
  }
  pass();
}

}  // namespace mabeam::worker

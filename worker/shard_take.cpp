// Taking messages from rings and logs, fairly.
#include "worker/shard.hpp"

#include <algorithm>

namespace mabeam::worker {
namespace {

constexpr std::uint32_t kMostSkipped = 4096;  // events without a subscriber here, a look

}  // namespace

void Shard::take(Priority priority, std::uint32_t quota) {
  const std::uint32_t bit = 1U << static_cast<std::uint32_t>(priority);
  if ((inbox_.seen() & bit) == 0) return;
  ready_.clear();
  for (Source* source : inbox_.hot()) {
    if ((source->seen & bit) != 0) ready_.push_back(source);
  }
  const std::size_t count = ready_.size();
  // Which priority leads goes round in 16 turns; who is first moves on once in each such round,
  // too, or a number of senders that divides 16 would always lead with the same priority.
  std::size_t next = count < 2 ? 0 : (rotation_ + rotation_ / 16) % count;
  for (std::size_t i = 0; i < count && quota != 0 && !is_over(); ++i) {
    Source& source = *ready_[next];
    if (++next == count) next = 0;
    const bool has_events =
        priority == Priority::normal && source.log.is_joined() && source.log.has_more();
    if (has_events && source.is_log_first) quota -= take_from_log(source, quota);
    if (source.has_rings) quota -= take_from_ring(source, priority, quota);
    if (has_events && !source.is_log_first) quota -= take_from_log(source, quota);
    source.is_log_first = !source.is_log_first;  // neither takes all of every turn
  }
}

bool Shard::is_unblocked(std::optional<Blockage>& blockage) {
  if (!blockage) return true;
  if (!outbox_.may_retry(*blockage, clock_.now_ns(), limits_.stall_timeout_ns)) {
    ++waiting_;
    return false;
  }
  blockage.reset();
  return true;
}

// Takes at most `quota`, as take_from_log().
std::uint32_t Shard::take_from_ring(Source& source, Priority priority, std::uint32_t quota) {
  const auto p = static_cast<std::uint32_t>(priority);
  shm::RingConsumer& ring = source.rings[p];
  if (!is_unblocked(source.ring_blockage[p])) return 0;
  std::uint32_t taken = 0;
  shm::Record record;
  shm::Received message;
  while (taken < quota && !is_over()) {
    const shm::RingConsumer::Look seen = ring.look(record);
    if (seen == shm::RingConsumer::Look::empty) break;
    if (seen == shm::RingConsumer::Look::corrupt || !shm::parse(record, message)) {
      give_up_ring(source, priority);
      break;
    }
    source.empty_looks = 0;
    const std::uint64_t witness =
        shm::Witness::pack(shm::Witness::What::message, source.endpoint, p, 0, record.position);
    const Outcome outcome = has_payload(source, p, record, message)
                                ? handle(source, message, witness)
                                : bury_bare(message);
    if (outcome == Outcome::commit_first) is_full_ = true;
    if (outcome == Outcome::blocked) {
      source.ring_blockage[p] = outbox_.blockage();
      ++waiting_;
    }
    if (outcome != Outcome::passed) break;
    ring.advance(record.end);
    inbox_.note_use(source);
    ++taken;
    ++taken_;
  }
  return taken;
}

bool Shard::has_payload(const Source& source, std::uint32_t priority, const shm::Record& record,
                        shm::Received& message) const {
  if (!message.is_in_block) [[likely]]
    return true;
  return shm::find_payload(segment_.blocks(source.endpoint),
                           {shm::ring_path(endpoint_, priority), record.end}, message);
}

// A message whose payload is not where it says.
Shard::Outcome Shard::bury_bare(shm::Received message) {
  begin_message(0);
  message.payload = {};
  outbox_.bury(shm::DeadReason::corrupt, message, true);
  return Outcome::passed;
}

// A ring whose bytes are corrupt is emptied: one dead letter tells how much was given up.
void Shard::give_up_ring(Source& source, Priority priority) {
  begin_message(0);
  const std::uint64_t bytes = source.rings[static_cast<std::uint32_t>(priority)].skip_all();
  bury_corrupt(source.endpoint, bytes);
  inbox_.note_use(source);
  ++taken_;
}

void Shard::bury_corrupt(std::uint32_t endpoint, std::uint64_t bytes) {
  shm::Received lost{};
  lost.header.source = AgentId{static_cast<EndpointId>(endpoint), AgentId::kClientSlot, 0}.value();
  lost.header.id = bytes;
  outbox_.bury(shm::DeadReason::corrupt, lost);
  if (notes_ != nullptr) notes_->corrupt(shard_, endpoint, bytes, shm::monotonic_ns());
}

std::uint32_t Shard::take_from_log(Source& source, std::uint32_t quota) {
  if (source.log.is_evicted()) {
    if (source.is_in_turn) return 0;  // its words are on their way; next turn
    begin_message(0);
    record_.events_missed += source.log.rejoin();
    source.log_committed = shm::kNotReading;  // so that the new number goes with the count
    inbox_.note_use(source);
    ++taken_;
  }
  if (!is_unblocked(source.log_blockage)) return 0;
  std::uint32_t served = 0;
  shm::Record record;
  for (std::uint32_t skipped = 0; skipped < kMostSkipped && served < quota && !is_over();
       ++skipped) {
    const Result<bool> found = source.log.peek(record);
    if (was_overwritten(source)) break;
    if (!found) {
      begin_message(0);
      record_.events_missed += 1;
      source.log.skip_all();
      inbox_.note_use(source);
      ++taken_;
      break;
    }
    if (!*found) break;
    source.empty_looks = 0;
    if (!serve_event(source, record, quota, served)) break;
  }
  return served;
}

// A writer that has lost its patience may overwrite what is being read: what was copied before this
// look is whole if it says no.
bool Shard::was_overwritten(const Source& source) noexcept {
  std::atomic_thread_fence(std::memory_order_acquire);
  return source.log.is_evicted();
}

// The event in a record of a source's log, if it is one that its owner may have emitted. Numbers
// count events, each of which takes room.
bool Shard::read_event(const Source& source, const shm::Record& record,
                       shm::Received& event) const {
  return shm::parse(record, event) && event.kind == shm::Kind::event &&
         static_cast<std::uint32_t>(AgentId{event.header.source}.endpoint()) == source.endpoint &&
         event.header.id <= record.position &&
         shm::find_payload(segment_.blocks(source.endpoint), {shm::kLogPath, record.end}, event);
}

// Serves one event to its subscribers in slot order, from the cursor's next slot on. False when the
// event is not over yet.
bool Shard::serve_event(Source& source, const shm::Record& record, std::uint32_t quota,
                        std::uint32_t& served) {
  shm::Received event;
  const bool is_event = read_event(source, record, event);
  if (was_overwritten(source)) return false;
  if (!in_turn_) begin_turn();
  inbox_.note_use(source);
  const std::uint64_t expected = source.log.sequence();
  if (!is_event) {
    ++record_.events_missed;
    source.log.advance(record.end, expected == shm::kNotReading ? expected : expected + 1);
    return true;
  }
  const std::uint64_t sequence = event.header.id;
  const auto& subscribers = subscribers_.of(event.header.symbol);
  auto next = std::lower_bound(subscribers.begin(), subscribers.end(), source.log.next_slot(),
                               [](const Subscribers::Subscriber& subscriber, std::uint64_t slot) {
                                 return subscriber.slot < slot;
                               });
  for (; next != subscribers.end(); ++next) {
    if (next->since_ns > event.header.sent_ns) continue;
    if (next->source && next->source.value() != event.header.source) continue;
    if (next->slot < source.log.next_slot()) continue;  // it has had the event
    source.log.serve_next(next->slot);
    if (served >= quota || is_over()) return false;
    if (!serve_subscriber(source, event, next->slot, record.position)) return false;
    ++served;
  }
  record_.events_missed += static_cast<std::uint64_t>(source.log.missed_before(sequence));
  source.log.advance(record.end, sequence + 1);
  return true;
}

// One subscriber of an event. False if it is to be served again.
bool Shard::serve_subscriber(Source& source, const shm::Received& event, std::uint32_t slot,
                             std::uint64_t position) {
  const std::uint64_t witness =
      shm::Witness::pack(shm::Witness::What::event, source.endpoint, 0, slot, position);
  const Outcome outcome = handle_event(event, slot, witness);
  if (outcome == Outcome::commit_first) is_full_ = true;
  if (outcome == Outcome::blocked) {
    source.log_blockage = outbox_.blockage();
    ++waiting_;
  }
  if (outcome != Outcome::passed) return false;
  if (source.log.is_evicted()) {  // it may have been overwritten under the handler
    undo(Outcome::blocked);
    is_full_ = true;
    return false;
  }
  if (attempt_ > 1) pass();
  ++taken_;
  ++record_.events_delivered;
  source.log.serve_next(slot + 1);
  return true;
}

}  // namespace mabeam::worker

#include "worker/outbox.hpp"

#include "shm/clock.hpp"
#include "shm/doorbell.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::Kind;
using shm::MessageHeader;
using shm::WordKind;

Outbox::Outbox(const shm::Segment& segment, std::uint32_t endpoint)
    : segment_(segment),
      endpoint_(endpoint),
      interest_(segment),
      rings_(std::size_t{segment.endpoints()} * 4),
      blocks_(segment, endpoint) {
}

Result<> Outbox::open() {
  auto log = shm::EventLogWriter::open(segment_.log(endpoint_), segment_.endpoints());
  if (!log) return fail(log.error());
  log_ = *log;
  auto dead = shm::EventLogWriter::open(segment_.dead_letters(endpoint_ - 1), 0);
  if (!dead) return fail(dead.error());
  dead_letters_ = *dead;
  return blocks_.open(log_);
}

Result<> Outbox::open_ring(std::uint32_t target, Priority priority) {
  if (target >= segment_.endpoints()) return fail(Errc::not_found);
  const std::span<std::byte> bytes = segment_.ring(endpoint_, target, priority);
  if (bytes.empty()) return fail(Errc::not_found);
  auto producer = shm::RingProducer::open(bytes);
  if (!producer) return fail(producer.error());
  Ring& ring = rings_[target * 4 + static_cast<std::uint32_t>(priority)];
  ring.producer = *producer;
  ring.is_open = true;
  return {};
}

void Outbox::mark(Ring& ring, std::uint32_t index) {
  if (!ring.is_in_message) {
    ring.is_in_message = true;
    message_rings_.push_back({index, ring.producer.claimed()});
  }
  if (!ring.is_in_turn) {
    ring.is_in_turn = true;
    turn_rings_.push_back(index);
  }
}

// Whether anybody else is in the ring is asked before the last try: a reader that leaves after that
// has made room for it.
Result<std::byte*> Outbox::claim_slowly(Ring& ring, std::uint32_t index, std::uint32_t length,
                                        std::uint16_t kind, std::uint16_t flags) {
  const auto mark = std::find_if(message_rings_.begin(), message_rings_.end(),
                                 [&](const Mark& each) { return each.ring == index; });
  const std::uint64_t own = ring.producer.claimed() - mark->position;
  const bool is_alone = own == ring.producer.used();
  const auto room = ring.producer.claim(length, kind, flags);
  if (room) return room->data();
  if (room.error().code != Errc::backpressure) return fail(room.error());
  if (is_alone) {
    is_overfull_ = true;
    return fail(Errc::message_too_large);
  }
  block(index, own + shm::record_bytes(length));
  return fail(room.error());
}

void Outbox::block(std::uint32_t ring, std::uint64_t bytes) noexcept {
  if (!may_wait_) return;
  is_blocked_ = true;
  blockage_ = {ring, bytes, ++tickets_, 0};
}

// A congested ring buries what is sent to it, from the end of the patience until it has drained to
// half; one that is reserved blocks it. True if the message is not to be claimed.
bool Outbox::is_refused(Ring& ring, std::uint32_t index, const shm::Received& message,
                        std::uint32_t length) {
  if (ring.reserved_by != 0) {
    block(index, shm::record_bytes(length));
    return true;
  }
  if (ring.producer.used() <= ring.producer.capacity() / 2) set_congested(ring, index, false);
  if (ring.is_congested) bury(shm::DeadReason::overflow, message);
  return ring.is_congested;
}

// True if a ring is kept for another message, or has not drained to half since it was congested.
bool Outbox::is_held(Ring& ring, std::uint32_t index) {
  if (ring.producer.used() <= ring.producer.capacity() / 2) set_congested(ring, index, false);
  return ring.is_closed;
}

// A message for which its context is too much goes without: tracing refuses nothing.
const TraceContext* Outbox::context_beside(std::size_t bytes, std::size_t most) const noexcept {
  return trace_ != nullptr && bytes + sizeof *trace_ <= most ? trace_ : nullptr;
}

// When it was sent is read afresh: what it waits is to be measured.
void Outbox::compose_traced(std::span<std::byte> room, MessageHeader header,
                            std::span<const std::byte> payload) const noexcept {
  header.sent_ns = shm::monotonic_ns();
  shm::compose(room, header, trace_, payload);
}

bool Outbox::is_reachable(AgentId target, std::uint32_t index) const {
  if (index >= rings_.size() || !rings_[index].is_open) return false;
  const auto endpoint = static_cast<std::uint32_t>(target.endpoint());
  return !segment_.is_client(endpoint) || segment_.endpoint(endpoint).generation.load(
                                              std::memory_order_relaxed) == target.generation();
}

// Errors: not_found, corrupt; closed (that client is gone, and its successor is somebody else).
Result<> Outbox::reach(AgentId target, Priority priority) {
  const auto endpoint = static_cast<std::uint32_t>(target.endpoint());
  const std::uint32_t index = ring_index(target, priority);
  if (index >= rings_.size() || !rings_[index].is_open) {
    if (const Result<> opened = open_ring(endpoint, priority); !opened) return opened;
  }
  if (!is_reachable(target, index)) return fail(Errc::closed);
  return {};
}

Result<> Outbox::check_block(Kind kind, std::size_t payload_bytes) const {
  if (!shm::may_lie_in_block(kind)) return fail(Errc::message_too_large);
  if (payload_bytes > blocks_.max_payload()) return fail(Errc::payload_too_large);
  return {};
}

Result<> Outbox::send(Kind kind, std::uint16_t flags, Priority priority,
                      const MessageHeader& header, std::span<const std::byte> payload) {
  const AgentId target{header.target};
  const std::uint32_t index = ring_index(target, priority);
  if (!is_reachable(target, index)) [[unlikely]] {
    if (const Result<> reached = reach(target, priority); !reached) return reached;
  }
  Ring& ring = rings_[index];
  const std::size_t most = ring.producer.max_body();
  const bool in_block = sizeof header + payload.size() > most;
  if (in_block) [[unlikely]] {
    if (const Result<> fits = check_block(kind, payload.size()); !fits) return fits;
  }
  const std::size_t plain = sizeof header + (in_block ? sizeof(shm::BlockHandle) : payload.size());
  const TraceContext* trace = nullptr;
  if (trace_ != nullptr && !segment_.is_client(index / 4)) [[unlikely]]
    trace = context_beside(plain, most);
  const auto length = static_cast<std::uint32_t>(plain + (trace == nullptr ? 0 : sizeof *trace));
  if (!may_wait_ && ring.is_closed && is_held(ring, index)) return fail(Errc::backpressure);
  if (ring.is_closed && is_refused(ring, index, {kind, flags, header, payload}, length))
      [[unlikely]] {
    if (is_blocked_) return fail(Errc::backpressure);
    return {};
  }
  if (in_block) [[unlikely]]
    return send_with_block(ring, index, {kind, flags, header, payload}, trace);
  const Result<std::byte*> at =
      claim(ring, index, length, shm::record_kind(kind, trace != nullptr), flags);
  if (!at) return fail(at.error());
  if (trace == nullptr) [[likely]] {
    shm::compose({*at, length}, header, payload);
  } else {
    compose_traced({*at, length}, header, payload);
  }
  ++sent_;
  return {};
}

Result<std::span<std::byte>> Outbox::claim_event(std::uint32_t length, std::uint16_t kind) {
  auto room = log_.claim(length, kind);
  if (room || room.error().code != Errc::backpressure) return room;
  const bool is_alone = log_.lowest_position() >= before_.log;  // asked before the last try
  room = log_.claim(length, kind);
  if (room) return room;
  if (is_alone) {
    is_overfull_ = true;
    return fail(Errc::message_too_large);
  }
  block(Blockage::kLog, log_.claimed() - before_.log + shm::record_bytes(length));
  ring_slow_readers();
  return room;
}

Result<> Outbox::emit(MessageHeader header, std::span<const std::byte> payload) {
  if (!is_message_open_) open_message();
  header.id = log_.sequence();
  const std::size_t plain = sizeof header + payload.size();
  if (plain > log_.max_body()) [[unlikely]]
    return emit_with_block(header, payload);
  const TraceContext* trace = context_beside(plain, log_.max_body());
  const auto room =
      claim_event(static_cast<std::uint32_t>(plain + (trace == nullptr ? 0 : sizeof *trace)),
                  shm::record_kind(Kind::event, trace != nullptr));
  if (!room) return fail(room.error());
  shm::compose(*room, header, trace, payload);
  topics_.push_back(header.symbol);
  ++events_;
  return {};
}

// ---- the turn's begin and end ----------------------------------------------------------------

void Outbox::begin_turn() noexcept {
  for (const std::uint32_t index : turn_rings_)
    rings_[index].is_in_turn = false;
  turn_rings_.clear();
  topics_.clear();
  buried_.clear();
  sent_ = events_ = 0;
}

// What undo_message() goes back to; taken at the first claim, since most messages claim nothing.
void Outbox::open_message() noexcept {
  is_message_open_ = true;
  is_overfull_ = false;
  for (const Mark& mark : message_rings_)
    rings_[mark.ring].is_in_message = false;
  message_rings_.clear();
  before_ = {sent_,
             events_,
             log_.claimed(),
             log_.sequence(),
             dead_letters_.claimed(),
             dead_letters_.sequence(),
             blocks_.arena().claimed(),
             topics_.size(),
             buried_.size()};
}

void Outbox::undo_message() noexcept {
  if (!is_message_open_) return;
  for (const Mark& mark : message_rings_)
    rings_[mark.ring].producer.rewind(mark.position);
  log_.rewind(before_.log, before_.log_sequence);
  dead_letters_.rewind(before_.dead, before_.dead_sequence);
  blocks_.arena().rewind(before_.blocks);
  topics_.resize(before_.topics);
  sent_ = before_.sent;
  events_ = before_.events;
  buried_.resize(before_.buried);
}

void Outbox::stage(shm::Turn& turn) {
  shm::BlockArena& arena = blocks_.arena();
  if (arena.claimed() != arena.published()) [[unlikely]]
    turn.stage(WordKind::block_tail, 0, arena.tail_word(), arena.claimed());
  if (log_.claimed() != log_.published()) {
    auto* header = reinterpret_cast<shm::LogHeader*>(segment_.log(endpoint_).data());
    turn.stage(WordKind::log_sequence, 0, header->sequence, log_.sequence());
    turn.stage(WordKind::log_tail, 0, header->tail, log_.claimed());
  }
  if (dead_letters_.claimed() != dead_letters_.published()) {
    auto* header = reinterpret_cast<shm::LogHeader*>(segment_.dead_letters(endpoint_ - 1).data());
    turn.stage(WordKind::dead_sequence, 0, header->sequence, dead_letters_.sequence());
    turn.stage(WordKind::dead_tail, 0, header->tail, dead_letters_.claimed());
  }
  for (const std::uint32_t index : turn_rings_) {
    Ring& ring = rings_[index];
    if (ring.producer.claimed() == ring.producer.published()) continue;
    turn.stage(WordKind::ring_tail, index, ring.producer.tail_word(), ring.producer.claimed());
  }
}

void Outbox::settle() {
  dead_letters_.settle();
  blocks_.arena().settle();
  if (turn_rings_.empty() && topics_.empty()) return;  // nobody is to be told
  shm::full_fence();
  for (const std::uint32_t index : turn_rings_) {
    Ring& ring = rings_[index];
    if (ring.producer.claimed() == ring.producer.published()) continue;
    ring.producer.settle();
    segment_.announce(endpoint_, index / 4);
  }
  if (topics_.empty()) return;
  log_.settle();
  shm::EndpointSet readers;
  for (const Symbol topic : topics_) {
    const shm::EndpointSet& interested = interest_.of(topic);
    for (std::size_t i = 0; i < readers.words.size(); ++i)
      readers.words[i] |= interested.words[i];
  }
  readers.for_each([&](std::uint32_t reader) { segment_.announce(endpoint_, reader); });
  if (log_.is_half_full()) ring_slow_readers();
}

// ---- waiting for room ------------------------------------------------------------------------

void Outbox::ring_slow_readers() {
  shm::full_fence();
  const std::uint64_t half = log_.capacity() / 2;
  log_.for_each_reader([&](std::uint32_t reader, std::uint64_t position) {
    if (log_.claimed() - position >= half) segment_.announce(endpoint_, reader);
  });
}

bool Outbox::may_retry(Blockage& blockage, std::int64_t now_ns, std::int64_t stall_timeout_ns) {
  if (blockage.ring == Blockage::kLog) return may_retry_log(blockage, now_ns, stall_timeout_ns);
  if (blockage.since_ns == 0) blockage.since_ns = now_ns;
  if (blockage.ring == Blockage::kBlocks)
    return may_retry_blocks(blockage, now_ns, stall_timeout_ns);
  Ring& ring = rings_[blockage.ring];
  if (ring.reserved_by != 0 && ring.reserved_by != blockage.ticket) return false;
  const std::uint64_t head = ring.producer.claimed() - ring.producer.used();
  if (ring.producer.has_room_for(blockage.bytes)) {
    ring.full_since_ns = 0;
    ring.reserved_by = 0;
    ring.is_closed = ring.is_congested;
    return true;
  }
  if (ring.is_congested) return true;
  if (ring.full_since_ns == 0 || head != ring.head_when_full) {
    ring.full_since_ns = now_ns;  // the reader's progress starts the patience anew
    ring.head_when_full = head;
    if (now_ns - blockage.since_ns >= stall_timeout_ns) {
      ring.reserved_by = blockage.ticket;
      ring.is_closed = true;
    }
    return false;
  }
  if (now_ns - ring.full_since_ns < stall_timeout_ns) return false;
  set_congested(ring, blockage.ring, true);
  ring.reserved_by = 0;
  ring.full_since_ns = 0;
  return true;
}

// A reader that holds the log for stall_timeout is evicted, dead, stopped or slow alike.
bool Outbox::may_retry_log(const Blockage& blockage, std::int64_t now_ns, std::int64_t timeout_ns) {
  if (log_.has_room_for(blockage.bytes)) {
    log_full_since_ns_ = 0;
    return true;
  }
  const std::uint64_t lowest = log_.lowest_position();
  if (log_full_since_ns_ == 0 || lowest != log_lowest_when_full_) {
    log_full_since_ns_ = now_ns;
    log_lowest_when_full_ = lowest;
    ring_slow_readers();
    return false;
  }
  if (now_ns - log_full_since_ns_ < timeout_ns) return false;
  log_full_since_ns_ = 0;
  evict_slowest();
  return log_.has_room_for(blockage.bytes);
}

void Outbox::evict_slowest() {
  const std::uint64_t lowest = log_.lowest_position();
  const std::uint32_t slowest = log_.slowest_reader();
  if (slowest == shm::EventLogWriter::kNobody) return;
  log_.evict(slowest);
  set_evicted(slowest, log_.claimed() - lowest);
}

}  // namespace mabeam::worker

// Messages and events whose payloads are too large for a ring or the log: the record carries a
// handle, the payload lies in a block of the shard's (shm/blocks.hpp). Blocks that are full are
// waited for like a ring; those that stay full without any progress for stall_timeout are
// congested: what needs one becomes a dead letter (overflow) at once, until they have drained to
// half. If it is an event that holds them, its slowest reader is evicted instead.
#include "worker/outbox.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::Kind;
using shm::MessageHeader;
using shm::Received;

std::size_t Outbox::max_payload(Priority priority) const noexcept {
  const auto& rings = segment_.dimensions().ring_bytes;
  const std::uint64_t record = shm::max_record_bytes(rings[static_cast<std::size_t>(priority)]);
  return std::max<std::size_t>(record - sizeof(shm::RecordHeader) - sizeof(MessageHeader),
                               blocks_.max_payload());
}

// False if the message was buried instead. Errors: backpressure (and blocked), message_too_large.
Result<bool> Outbox::make_block_room(const Received& message) {
  if (!is_message_open_) open_message();
  shm::BlockArena& arena = blocks_.arena();
  const std::uint64_t need = shm::block_bytes_for(message.payload.size());
  const std::uint64_t own = arena.claimed() - std::max(before_.blocks, arena.oldest());
  look_at_blocks();
  if (blocks_pressure_.are_congested) {
    if (!may_wait_) return fail(Errc::backpressure);
    bury(shm::DeadReason::overflow, message, true);
    return false;
  }
  if (blocks_pressure_.reserved_by == 0 && blocks_.make_room_for(need)) return true;
  if (blocks_pressure_.reserved_by == 0 && own == arena.used()) {
    is_overfull_ = true;
    return fail(Errc::message_too_large);
  }
  block(Blockage::kBlocks, own + need);
  if (blocks_.is_held_by_log()) ring_slow_readers();
  return fail(Errc::backpressure);
}

Result<> Outbox::send_with_block(Ring& ring, std::uint32_t index, const Received& message,
                                 const TraceContext* trace) {
  const Result<bool> has_room = make_block_room(message);
  if (!has_room) return fail(has_room.error());
  if (!*has_room) return {};
  const auto length = static_cast<std::uint32_t>(
      sizeof(MessageHeader) + (trace == nullptr ? 0 : sizeof *trace) + sizeof(shm::BlockHandle));
  const std::uint16_t kind = shm::record_kind(message.kind, trace != nullptr, true);
  const Result<std::byte*> at = claim(ring, index, length, kind, message.flags);
  if (!at) return fail(at.error());
  const auto handle = blocks_.write(message.payload, {index, ring.producer.claimed()});
  if (!handle) return fail(handle.error());
  const auto bytes = std::as_bytes(std::span{&*handle, 1});
  if (trace == nullptr) {
    shm::compose({*at, length}, message.header, bytes);
  } else {
    compose_traced({*at, length}, message.header, bytes);
  }
  ++sent_;
  return {};
}

Result<> Outbox::emit_with_block(const MessageHeader& header, std::span<const std::byte> payload) {
  if (payload.size() > blocks_.max_payload()) return fail(Errc::payload_too_large);
  const Result<bool> has_room = make_block_room({Kind::event, 0, header, payload});
  if (!has_room) return fail(has_room.error());
  if (!*has_room) return {};
  constexpr std::size_t kPlain = sizeof header + sizeof(shm::BlockHandle);
  const TraceContext* trace = context_beside(kPlain, log_.max_body());
  const auto room =
      claim_event(static_cast<std::uint32_t>(kPlain + (trace == nullptr ? 0 : sizeof *trace)),
                  shm::record_kind(Kind::event, trace != nullptr, true));
  if (!room) return fail(room.error());
  const auto handle = blocks_.write(payload, {shm::kLogPath, log_.claimed()});
  if (!handle) return fail(handle.error());
  shm::compose(*room, header, trace, std::as_bytes(std::span{&*handle, 1}));
  topics_.push_back(header.symbol);
  ++events_;
  return {};
}

// As of a ring; progress is that anything was given back.
bool Outbox::may_retry_blocks(const Blockage& blockage, std::int64_t now_ns,
                              std::int64_t timeout_ns) {
  auto& pressure = blocks_pressure_;
  if (pressure.reserved_by != 0 && pressure.reserved_by != blockage.ticket) return false;
  if (blocks_.make_room_for(blockage.bytes)) {
    pressure.full_since_ns = 0;
    pressure.reserved_by = 0;
    return true;
  }
  if (pressure.are_congested) return true;
  const std::uint64_t oldest = blocks_.arena().oldest();
  if (pressure.full_since_ns == 0 || oldest != pressure.oldest_when_full) {
    pressure.full_since_ns = now_ns;
    pressure.oldest_when_full = oldest;
    if (now_ns - blockage.since_ns >= timeout_ns) pressure.reserved_by = blockage.ticket;
    if (blocks_.is_held_by_log()) ring_slow_readers();
    return false;
  }
  if (now_ns - pressure.full_since_ns < timeout_ns) return false;
  pressure.full_since_ns = 0;
  if (blocks_.is_held_by_log()) {
    evict_slowest();
    if (!blocks_.make_room_for(blockage.bytes)) return false;
  } else {
    set_blocks_congested(true);
  }
  pressure.reserved_by = 0;
  return true;
}

void Outbox::look_at_blocks() {
  if (!blocks_pressure_.are_congested) return;
  shm::BlockArena& arena = blocks_.arena();
  (void)blocks_.make_room_for(arena.capacity() / 2);
  if (arena.used() <= arena.capacity() / 2) set_blocks_congested(false);
}

void Outbox::set_blocks_congested(bool are_congested) {
  if (blocks_pressure_.are_congested == are_congested) return;
  blocks_pressure_.are_congested = are_congested;
  const shm::BlockArena& arena = blocks_.arena();
  tell({Blockage::kBlocks, 0, are_congested, arena.used(), arena.capacity()});
}

}  // namespace mabeam::worker

#include "shm/client_sender.hpp"

#include "shm/clock.hpp"
#include "shm/doorbell.hpp"

#include <algorithm>
#include <utility>

namespace mabeam::shm {
namespace {

/// Unique among the owners of an endpoint: its generation above a counter.
std::uint64_t first_message_id(AgentId client) {
  return std::uint64_t{client.generation()} << 40U;
}

/// What a client does for itself is no part of anybody's trace.
bool may_be_traced(const Outgoing& message) {
  if (message.kind == Kind::signal || message.kind == Kind::event) return true;
  return message.kind != Kind::cancel && message.header.correlation != 0;
}

}  // namespace

ClientSender::ClientSender(const Segment& segment, const ClientEndpoint& endpoint,
                           BlockWriter& blocks, ClientTracer& tracer)
    : segment_(segment),
      endpoint_(endpoint),
      blocks_(blocks),
      tracer_(tracer),
      rings_(std::size_t{segment.dimensions().shards} * kPriorities),
      next_id_(first_message_id(endpoint.id())) {
}

Result<ClientSender::Ring*> ClientSender::ring_to(std::uint32_t target, Priority priority) {
  if (!segment_.is_shard(target)) return fail(Errc::not_found);
  Ring& ring = rings_[std::size_t{target - 1} * kPriorities + static_cast<std::size_t>(priority)];
  if (ring.is_open) [[likely]]
    return &ring;
  const auto producer = RingProducer::open(segment_.ring(endpoint_.index(), target, priority));
  if (!producer) return fail(producer.error());
  ring = {*producer, true};
  return &ring;
}

Result<ClientSender::Ring*> ClientSender::claim_in_ring(const Outgoing& message,
                                                        std::int64_t now_ns) {
  const Result<Ring*> ring = ring_to(message.target(), message.priority);
  if (!ring) return fail(ring.error());
  RingProducer& producer = (*ring)->producer;
  MessageHeader header = message.header;
  header.source = endpoint_.id().value();
  header.id = next_id_ + 1;
  header.sent_ns = now_ns;
  const bool is_traceable = may_be_traced(message);
  std::optional<TraceContext> trace;
  if (is_traceable) trace = tracer_.try_begin();
  const bool in_block = lies_in_block(message.kind, message.priority, message.payload.size());
  const Result<> claimed = in_block ? claim_with_block(producer, message, header, trace)
                                    : claim_whole(producer, message, header, trace);
  if (!claimed) return fail(claimed.error());
  ++next_id_;
  if (is_traceable) {
    tracer_.claim(static_cast<std::uint32_t>(*ring - rings_.data()), message.kind, header, trace);
  }
  return ring;
}

// A message for which its context is too much goes without: tracing refuses nothing.
Result<> ClientSender::claim_whole(RingProducer& producer, const Outgoing& message,
                                   const MessageHeader& header,
                                   std::optional<TraceContext>& trace) {
  if (message.payload.size() > producer.max_body()) return fail(Errc::message_too_large);
  const std::uint64_t plain = sizeof header + message.payload.size();
  if (trace && plain + sizeof *trace > producer.max_body()) trace.reset();
  const auto room = producer.claim(static_cast<std::uint32_t>(plain + (trace ? sizeof *trace : 0)),
                                   record_kind(message.kind, trace.has_value()));
  if (!room) return fail(room.error());
  compose(*room, header, trace ? &*trace : nullptr, message.payload);
  return {};
}

// The record is claimed first, since the block says where it ends.
Result<> ClientSender::claim_with_block(RingProducer& producer, const Outgoing& message,
                                        const MessageHeader& header,
                                        const std::optional<TraceContext>& trace) {
  const std::uint64_t before = producer.claimed();
  const auto length =
      static_cast<std::uint32_t>(sizeof header + (trace ? sizeof *trace : 0) + sizeof(BlockHandle));
  const auto room = producer.claim(length, record_kind(message.kind, trace.has_value(), true));
  if (!room) return fail(room.error());
  const std::uint32_t path =
      ring_path(message.target(), static_cast<std::uint32_t>(message.priority));
  const Result<BlockHandle> handle = blocks_.write(message.payload, {path, producer.claimed()});
  if (!handle) {
    producer.rewind(before);
    return fail(handle.error());
  }
  compose(*room, header, trace ? &*trace : nullptr, std::as_bytes(std::span{&*handle, 1}));
  return {};
}

bool ClientSender::lies_in_block(Kind kind, Priority priority, std::size_t payload_bytes) const {
  const std::uint64_t ring = segment_.dimensions().ring_bytes[static_cast<std::size_t>(priority)];
  return may_lie_in_block(kind) &&
         record_bytes(sizeof(MessageHeader) + payload_bytes) > max_record_bytes(ring);
}

Result<> ClientSender::try_send(const Outgoing& message) {
  const Result<Ring*> ring = claim_in_ring(message, monotonic_ns());
  if (!ring) return fail(ring.error());
  blocks_.publish();
  (*ring)->producer.publish();
  tracer_.publish();
  full_fence();
  segment_.announce(endpoint_.index(), message.target());
  endpoint_.count_sent();
  return {};
}

// ---- batches ---------------------------------------------------------------------------------

Result<> ClientSender::claim(const Outgoing& message, std::int64_t now_ns) {
  const Result<Ring*> ring = claim_in_ring(message, now_ns);
  if (!ring) return fail(ring.error());
  if ((*ring)->claims++ == 0) {
    claimed_.push_back(static_cast<std::uint32_t>(*ring - rings_.data()));
  }
  return {};
}

void ClientSender::publish() {
  if (claimed_.empty()) return;
  blocks_.publish();
  for (const std::uint32_t index : claimed_)
    rings_[index].producer.publish();
  tracer_.publish();
  full_fence();
  for (const std::uint32_t index : claimed_) {
    segment_.announce(endpoint_.index(), Segment::endpoint_of_shard(index / kPriorities));
    endpoint_.count_sent(std::exchange(rings_[index].claims, 0));
  }
  claimed_.clear();
}

void ClientSender::discard(std::uint32_t target, Priority priority) {
  const Result<Ring*> ring = ring_to(target, priority);
  if (!ring || std::exchange((*ring)->claims, 0) == 0) return;
  (*ring)->producer.discard();
  const auto index = static_cast<std::uint32_t>(*ring - rings_.data());
  tracer_.discard(index);
  std::erase(claimed_, index);
  if (claimed_.empty()) return blocks_.discard();
  blocks_.arena().disown(ring_path(target, static_cast<std::uint32_t>(priority)));
}

void ClientSender::discard() {
  for (const std::uint32_t index : claimed_) {
    rings_[index].producer.discard();
    rings_[index].claims = 0;
    tracer_.discard(index);
  }
  claimed_.clear();
  blocks_.discard();
}

Room ClientSender::room_of(Kind kind, Priority priority, std::size_t payload_bytes) const {
  if (!lies_in_block(kind, priority, payload_bytes)) return Room::without_block(payload_bytes);
  return Room::with_block(payload_bytes);
}

bool ClientSender::has_room_for(std::uint32_t target, Priority priority, const Room& room) {
  const Result<Ring*> ring = ring_to(target, priority);
  if (!ring) return true;
  return (*ring)->producer.has_room_for(room.records) &&
         (room.blocks == 0 || blocks_.make_room_for(room.blocks));
}

bool ClientSender::is_too_much(Priority priority, const Room& room) const {
  const std::uint64_t ring = segment_.dimensions().ring_bytes[static_cast<std::size_t>(priority)];
  return room.records > ring / 2 || blocks_.is_too_much(room.blocks, room.largest_block);
}

std::size_t ClientSender::max_payload(Priority priority) const {
  const std::uint64_t ring = segment_.dimensions().ring_bytes[static_cast<std::size_t>(priority)];
  const std::size_t in_ring = max_record_bytes(ring) - sizeof(RecordHeader) - sizeof(MessageHeader);
  return std::max<std::size_t>(in_ring, blocks_.max_payload());
}

bool ClientSender::has_room(const Outgoing& message) {
  const std::size_t bytes = message.payload.size();
  return bytes > max_payload(message.priority) ||
         has_room_for(message.target(), message.priority,
                      room_of(message.kind, message.priority, bytes));
}

}  // namespace mabeam::shm

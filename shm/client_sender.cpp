#include "shm/client_sender.hpp"

#include "shm/clock.hpp"
#include "shm/doorbell.hpp"

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
                           ClientTracer& tracer)
    : segment_(segment),
      endpoint_(endpoint),
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

// A message for which its context is too much goes without: tracing refuses nothing.
Result<ClientSender::Ring*> ClientSender::claim_in_ring(const Outgoing& message,
                                                        std::int64_t now_ns) {
  const Result<Ring*> ring = ring_to(message.target(), message.priority);
  if (!ring) return fail(ring.error());
  RingProducer& producer = (*ring)->producer;
  if (message.payload.size() > producer.max_body()) return fail(Errc::message_too_large);
  MessageHeader header = message.header;
  header.source = endpoint_.id().value();
  header.id = next_id_ + 1;
  header.sent_ns = now_ns;
  const bool is_traceable = may_be_traced(message);
  std::optional<TraceContext> trace;
  if (is_traceable) trace = tracer_.try_begin();
  const std::uint64_t plain = sizeof header + message.payload.size();
  if (trace && plain + sizeof *trace > producer.max_body()) trace.reset();
  const auto length = static_cast<std::uint32_t>(plain + (trace ? sizeof *trace : 0));
  const auto kind = static_cast<std::uint16_t>(message.kind);
  const auto room =
      producer.claim(length, trace ? static_cast<std::uint16_t>(kind | kTraced) : kind);
  if (!room) return fail(room.error());
  ++next_id_;
  if (trace) {
    compose(*room, header, *trace, message.payload);
  } else {
    compose(*room, header, message.payload);
  }
  if (is_traceable) {
    tracer_.claim(static_cast<std::uint32_t>(*ring - rings_.data()), message.kind, header, trace);
  }
  return ring;
}

Result<> ClientSender::try_send(const Outgoing& message) {
  const Result<Ring*> ring = claim_in_ring(message, monotonic_ns());
  if (!ring) return fail(ring.error());
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
}

void ClientSender::discard() {
  for (const std::uint32_t index : claimed_) {
    rings_[index].producer.discard();
    rings_[index].claims = 0;
    tracer_.discard(index);
  }
  claimed_.clear();
}

bool ClientSender::has_room_for(std::uint32_t target, Priority priority, std::uint64_t bytes) {
  const Result<Ring*> ring = ring_to(target, priority);
  return !ring || (*ring)->producer.has_room_for(bytes);
}

std::size_t ClientSender::max_payload(std::uint32_t target, Priority priority) {
  const Result<Ring*> ring = ring_to(target, priority);
  return ring ? (*ring)->producer.max_body() - sizeof(MessageHeader) : 0;
}

bool ClientSender::has_room(const Outgoing& message) {
  const Result<Ring*> ring = ring_to(message.target(), message.priority);
  if (!ring) return true;
  RingProducer& producer = (*ring)->producer;
  const std::uint64_t length =
      sizeof(MessageHeader) + tracer_.certain_bytes() + message.payload.size();
  return length > producer.max_body() || producer.has_room(static_cast<std::uint32_t>(length));
}

}  // namespace mabeam::shm

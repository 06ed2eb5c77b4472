#include "shm/client_sender.hpp"

#include "shm/clock.hpp"
#include "shm/doorbell.hpp"

namespace mabeam::shm {
namespace {

/// Unique among the owners of an endpoint: its generation above a counter.
std::uint64_t first_message_id(AgentId client) {
  return std::uint64_t{client.generation()} << 40U;
}

}  // namespace

ClientSender::ClientSender(const Segment& segment, const ClientEndpoint& endpoint)
    : segment_(segment),
      endpoint_(endpoint),
      rings_(std::size_t{segment.dimensions().shards} * kPriorities),
      next_id_(first_message_id(endpoint.id())) {
}

Result<RingProducer*> ClientSender::ring_to(std::uint32_t target, Priority priority) {
  if (!segment_.is_shard(target)) return fail(Errc::not_found);
  Ring& ring = rings_[std::size_t{target - 1} * kPriorities + static_cast<std::size_t>(priority)];
  if (ring.is_open) [[likely]]
    return &ring.producer;
  const auto producer = RingProducer::open(segment_.ring(endpoint_.index(), target, priority));
  if (!producer) return fail(producer.error());
  ring = {*producer, true};
  return &ring.producer;
}

Result<> ClientSender::try_send(const Outgoing& message) {
  const Result<RingProducer*> ring = ring_to(message.target(), message.priority);
  if (!ring) return fail(ring.error());
  if (message.payload.size() > (*ring)->max_body()) return fail(Errc::message_too_large);
  const auto length = static_cast<std::uint32_t>(sizeof(MessageHeader) + message.payload.size());
  const auto room = (*ring)->claim(length, static_cast<std::uint16_t>(message.kind));
  if (!room) return fail(room.error());
  MessageHeader header = message.header;
  header.source = endpoint_.id().value();
  header.id = ++next_id_;
  header.sent_ns = monotonic_ns();
  compose(*room, header, message.payload);
  (*ring)->publish();
  full_fence();
  segment_.announce(endpoint_.index(), message.target());
  endpoint_.count_sent();
  return {};
}

bool ClientSender::has_room(const Outgoing& message) {
  const Result<RingProducer*> ring = ring_to(message.target(), message.priority);
  if (!ring) return true;
  const std::uint64_t length = sizeof(MessageHeader) + message.payload.size();
  return length > (*ring)->max_body() || (*ring)->has_room(static_cast<std::uint32_t>(length));
}

}  // namespace mabeam::shm

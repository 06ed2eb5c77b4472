// ClientSender: a client's writing ends of its rings to the shards. Every message is published at
// once and its shard told: a client makes no turns.
#pragma once

#include "shm/block_writer.hpp"
#include "shm/client_endpoint.hpp"
#include "shm/client_tracer.hpp"
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include "mabeam/message.hpp"
#include "mabeam/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mabeam::shm {

/// A message to be sent. Its source, id and time are filled in by the sender.
struct Outgoing {
  Kind kind{};
  Priority priority = Priority::normal;
  MessageHeader header;
  std::span<const std::byte> payload;

  [[nodiscard]] std::uint32_t target() const {
    return static_cast<std::uint32_t>(AgentId{header.target}.endpoint());
  }
};

/// The target of what is for a shard, not for one agent of it.
inline AgentId shard_target(std::uint32_t shard) {
  return {static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), 0, 0};
}

class ClientSender {
 public:
  /// All outlive this.
  ClientSender(const Segment& segment, const ClientEndpoint& endpoint, BlockWriter& blocks,
               ClientTracer& tracer);

  /// Publishes a message, or refuses it at once.
  /// Errors: backpressure, payload_too_large, message_too_large (no payload of an agent's, over a
  /// quarter of its ring), not_found (the target is no shard), corrupt.
  Result<> try_send(const Outgoing& message);

  // A batch: claims, then one publish and one announcement for each ring.

  /// Claims a message, out of sight. Errors: as try_send().
  Result<> claim(const Outgoing& message, std::int64_t now_ns);
  /// Publishes all that is claimed, and tells the shards.
  void publish();
  /// Forgets what is claimed for a ring.
  void discard(std::uint32_t target, Priority priority);
  /// Forgets all that is claimed.
  void discard();

  /// What a message of that kind takes.
  [[nodiscard]] Room room_of(Kind kind, Priority priority, std::size_t payload_bytes) const;
  /// True if as much would fit into that ring and the blocks now, or never.
  [[nodiscard]] bool has_room_for(std::uint32_t target, Priority priority, const Room& room);
  /// True if as much might not fit at once, though all of it were empty.
  [[nodiscard]] bool is_too_much(Priority priority, const Room& room) const;
  /// The largest payload of a message to an agent.
  [[nodiscard]] std::size_t max_payload(Priority priority) const;

  /// True if the message would fit now, or would be refused for another reason.
  [[nodiscard]] bool has_room(const Outgoing& message);

 private:
  struct Ring {
    RingProducer producer;
    bool is_open = false;
    std::uint32_t claims = 0;  // of the batch
  };

  Result<Ring*> ring_to(std::uint32_t target, Priority priority);
  Result<Ring*> claim_in_ring(const Outgoing& message, std::int64_t now_ns);
  static Result<> claim_whole(RingProducer& producer, const Outgoing& message,
                              const MessageHeader& header, std::optional<TraceContext>& trace);
  Result<> claim_with_block(RingProducer& producer, const Outgoing& message,
                            const MessageHeader& header, const std::optional<TraceContext>& trace);
  [[nodiscard]] bool lies_in_block(Kind kind, Priority priority, std::size_t payload_bytes) const;

  const Segment& segment_;
  const ClientEndpoint& endpoint_;
  BlockWriter& blocks_;
  ClientTracer& tracer_;
  std::vector<Ring> rings_;             // by shard * 3 + priority; opened when first used
  std::vector<std::uint32_t> claimed_;  // indices of rings with claims of the batch
  std::uint64_t next_id_;
};

}  // namespace mabeam::shm

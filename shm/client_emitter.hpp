// ClientEmitter: a client's writing end of its event log.
//
// Delivery is known without any acknowledgement: a reader moves its cursor behind an event when it
// has handled it (a shard: when the turn has committed). An event that nobody was subscribed to
// when it was emitted is accepted and never counts as delivered; a reader that has left is no
// longer waited for. One that this emitter has evicted misses what it had not passed, and whatever
// is meant for it until it has come back: those events count as missed, whoever else gets them.
//
//   marks    end of an event in the log -> how many events between the last mark and it are pending
//            one mark for each 64th of the log, so what is delivered of it is told a little low,
//            and exactly once everything is
#pragma once

#include "shm/block_writer.hpp"
#include "shm/client_endpoint.hpp"
#include "shm/client_tracer.hpp"
#include "shm/event_log.hpp"
#include "shm/interest.hpp"
#include "shm/segment.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace mabeam::shm {

class ClientEmitter {
 public:
  /// All outlive this.
  ClientEmitter(const Segment& segment, const ClientEndpoint& endpoint, BlockWriter& blocks,
                ClientTracer& tracer);

  /// Opens the blocks, too, which go with the log. Errors: corrupt (the header of either).
  Result<> open();

  /// The id of a topic. Errors: bad_topic, symbols_full.
  Result<Symbol> topic(std::string_view text);

  /// Publishes an event and wakes its subscribers, or refuses it at once.
  /// Errors: backpressure, payload_too_large, bad_topic (no topic has that id).
  Result<> try_emit(Symbol topic, const PayloadRef& payload);

  // A batch: claims, then one publish, and each subscriber is woken once.

  /// Claims an event, out of sight. Errors: as try_emit().
  Result<> claim(Symbol topic, const PayloadRef& payload);
  /// Publishes all that is claimed.
  void publish();
  /// Forgets all that is claimed.
  void discard();

  /// What an event with that payload takes.
  [[nodiscard]] Room room_of(std::size_t payload_bytes) const;

  /// True if a batch of one piece may not take as much.
  [[nodiscard]] bool is_too_much(const Room& room) const {
    return room.records > log_.capacity() / 2 ||
           blocks_.is_too_much(room.blocks, room.largest_block);
  }

  /// True if as much is claimed and not published as may be without the whole past giving way to
  /// it: of a client that died then, the next one there could not tell which number comes next.
  [[nodiscard]] bool has_claimed_much() const {
    return log_.claimed() - log_.published() >= log_.capacity() / 8;
  }

  /// What a waiting emitter asks again and again: is there as much room? Rings whoever holds the
  /// log, or a block of it, and evicts who has held it for stall_timeout without progress.
  [[nodiscard]] bool make_room(const Room& room);
  /// The same, where a message waits for a block, and an event has it.
  void hurry_blocks();

  /// True if only this client itself holds its log: then waiting is in vain.
  [[nodiscard]] bool is_held_by_itself() const;

  /// True when every interested reader has passed all that was emitted.
  [[nodiscard]] bool is_delivered() const;
  [[nodiscard]] DeliveryStatus status();
  /// Wakes the interested readers that are behind.
  void ring_readers_behind() const;

 private:
  struct Mark {
    std::uint64_t end = 0;
    std::uint64_t events = 0;
  };

  [[nodiscard]] bool is_topic(Symbol topic);
  [[nodiscard]] bool has_room_for(const Room& room);
  Result<> write(const MessageHeader& header, std::optional<TraceContext>& trace,
                 std::span<const std::byte> payload);
  Result<> write_with_block(const MessageHeader& header, const std::optional<TraceContext>& trace,
                            std::span<const std::byte> payload);
  void note_pending(std::uint64_t events);
  void ring_readers_behind_half() const;
  void check_stall();
  void evict(std::uint32_t reader);
  [[nodiscard]] bool misses_some(const EndpointSet& readers);
  void settle_first_mark();
  [[nodiscard]] std::uint64_t lowest_interested() const;

  const Segment& segment_;
  const ClientEndpoint& endpoint_;
  BlockWriter& blocks_;
  ClientTracer& tracer_;
  Symbols symbols_;
  Interest interest_;
  EventLogWriter log_;
  std::vector<bool> checked_;  // by symbol: known to be a well-formed topic
  std::uint64_t accepted_ = 0;
  std::uint64_t pending_ = 0;    // of those, with a subscriber that has not passed them, at most
  std::uint64_t delivered_ = 0;  // at least
  std::uint64_t missed_ = 0;
  std::deque<Mark> marks_;
  EndpointSet interested_;       // in anything that is pending
  EndpointSet evicted_;          // by this emitter, and perhaps not back yet
  std::vector<Symbol> claimed_;  // topics of the batch
  std::int64_t full_since_ns_ = 0;
  std::uint64_t lowest_when_full_ = 0;
};

}  // namespace mabeam::shm

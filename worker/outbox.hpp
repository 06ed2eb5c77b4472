// Outbox: what a shard has claimed and not published: messages in its rings, events in its log,
// dead letters. Nothing of it is visible until the turn has committed; undo_message() forgets what
// the current message claimed, and no more.
//
// Congestion is per destination ring (DESIGN, The turn). A claim that finds its ring full blocks
// the message; a ring that stays full without any progress of its reader for stall_timeout is
// congested: sends to it become dead letters (overflow) at once, until it has drained to half.
// Where the reader does make progress and others take the room, a message that has waited for
// stall_timeout reserves the ring: the others wait until it has gone.
//
// The shard's blocks (shm/blocks.hpp), where payloads lie that are too large for a ring or the log,
// are such a ring, too: full, they block whoever needs one (outbox_blocks.cpp).
#pragma once

#include "shm/block_writer.hpp"
#include "shm/event_log.hpp"
#include "shm/interest.hpp"
#include "shm/letters.hpp"
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/turn.hpp"
#include "shm/wire.hpp"

#include "mabeam/message.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace mabeam::worker {

/// What a message waits for: room for all `bytes` that it wants to claim up to where it was
/// stopped, in a ring or in this shard's own log.
struct Blockage {
  static constexpr std::uint32_t kLog = ~std::uint32_t{0};
  static constexpr std::uint32_t kBlocks = kLog - 1;

  std::uint32_t ring = 0;  ///< index of the outgoing ring, or kLog, or kBlocks
  std::uint64_t bytes = 0;
  std::uint64_t ticket = 0;   ///< which wait this is, from 1 on
  std::int64_t since_ns = 0;  ///< 0: nobody has looked yet
};

class Outbox {
 public:
  Outbox(const shm::Segment& segment, std::uint32_t endpoint);

  /// Takes over at the published positions. Errors: corrupt.
  Result<> open();

  /// Claims a message, in the trace of the one that is handled, if it has one; see inherit().
  /// Errors: backpressure (and is_blocked()), payload_too_large, message_too_large (no payload of
  /// an agent's, or more at once than an empty ring holds), not_found, closed (a client that is
  /// gone).
  Result<> send(shm::Kind kind, std::uint16_t flags, Priority priority,
                const shm::MessageHeader& header, std::span<const std::byte> payload);

  /// True if somebody is subscribed to that topic.
  [[nodiscard]] bool has_readers(Symbol topic) { return !interest_.of(topic).empty(); }

  /// Claims an event; `header.id` is filled in. Errors: backpressure, payload_too_large,
  /// message_too_large (more at once than an empty log holds).
  Result<> emit(shm::MessageHeader header, std::span<const std::byte> payload);

  /// Claims a dead letter; the oldest give way. A payload that is too long is cut, and the letter
  /// `is_final` then: it is never replayed.
  void bury(shm::DeadReason reason, const shm::Received& message, bool is_final = false);

  /// Claims the end of a dead letter, by order of a client. Errors: backpressure (this turn has
  /// filled the log).
  Result<> settle_letter(std::uint64_t number, shm::LetterFate fate, AgentId by);

  /// What an event with that payload takes of the log.
  [[nodiscard]] std::uint64_t event_bytes(std::size_t payload_bytes) const noexcept {
    const std::uint64_t whole = sizeof(shm::MessageHeader) + payload_bytes;
    const std::uint64_t bare = sizeof(shm::MessageHeader) + sizeof(shm::BlockHandle);
    return shm::record_bytes(whole > log_.max_body() ? bare : whole);
  }

  /// While not, what is full does not block the message: it is refused with backpressure.
  void let_wait(bool may_wait) noexcept { may_wait_ = may_wait; }

  /// True if what is sent there may become a dead letter instead (overflow).
  [[nodiscard]] bool may_overflow(AgentId target, Priority priority) const noexcept {
    const std::uint32_t index = ring_index(target, priority);
    return blocks_pressure_.are_congested || (index < rings_.size() && rings_[index].is_congested);
  }

  void begin_turn() noexcept;

  void begin_message() noexcept {
    trace_ = nullptr;
    is_blocked_ = false;
    is_message_open_ = false;
  }

  void undo_message() noexcept;

  /// What the current message claims from now on bears that context, which outlives the message;
  /// null: none.
  void inherit(const TraceContext* trace) noexcept { trace_ = trace; }

  [[nodiscard]] bool is_blocked() const noexcept { return is_blocked_; }

  /// True if the current message has claimed more than an empty ring holds.
  [[nodiscard]] bool is_overfull() const noexcept { return is_message_open_ && is_overfull_; }

  [[nodiscard]] const Blockage& blockage() const noexcept { return blockage_; }

  /// True when what a message waited for has come: room, or the end of the patience.
  bool may_retry(Blockage& blockage, std::int64_t now_ns, std::int64_t stall_timeout_ns);

  /// The largest payload of a message with that priority.
  [[nodiscard]] std::size_t max_payload(Priority priority) const noexcept;

  /// A ring that has become congested, or has drained, or the blocks; a reader of this shard's log
  /// that was evicted, or has come back or left.
  struct PressureChange {
    std::uint32_t ring = 0;    ///< index: target endpoint * 4 + priority; or as in Blockage
    std::uint32_t reader = 0;  ///< of the log
    bool is_on = false;
    std::uint64_t used_bytes = 0;
    std::uint64_t capacity_bytes = 0;
  };

  /// True while a ring is congested or a reader evicted, or somebody has not been told of it.
  [[nodiscard]] bool has_pressure() const noexcept { return under_pressure_ || !pressure_.empty(); }

  /// Looks whether congested rings have drained, though nothing is sent to them, and whether
  /// evicted readers have come back.
  void look_at_pressure();

  /// What is to be told, the oldest first; at most one a ring and one a reader.
  [[nodiscard]] std::vector<PressureChange>& pressure() noexcept { return pressure_; }

  /// Puts the tails on the redo list.
  void stage(shm::Turn& turn);
  /// After the commit: the claims are published, and their readers are told.
  void settle();

  // What the turn adds to the shard's counters.
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }

  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }

  [[nodiscard]] const std::vector<shm::DeadReason>& buried() const noexcept { return buried_; }

 private:
  struct Ring {
    shm::RingProducer producer;
    std::int64_t full_since_ns = 0;  // 0: it was not full
    std::uint64_t head_when_full = 0;
    std::uint64_t reserved_by = 0;  // ticket of the wait that it is kept for, or 0
    bool is_open = false;
    bool is_in_turn = false;
    bool is_in_message = false;
    bool is_congested = false;
    bool is_closed = false;  // congested or reserved: one look on the hot path
  };

  struct Mark {
    std::uint32_t ring = 0;
    std::uint64_t position = 0;
  };

  Result<> open_ring(std::uint32_t target, Priority priority);

  static std::uint32_t ring_index(AgentId target, Priority priority) {
    return static_cast<std::uint32_t>(target.endpoint()) * 4 + static_cast<std::uint32_t>(priority);
  }

  /// Asked before every message, so apart from reach(), whose Result is slow to hand over.
  [[nodiscard]] bool is_reachable(AgentId target, std::uint32_t index) const;
  Result<> reach(AgentId target, Priority priority);
  [[nodiscard]] Result<> check_block(shm::Kind kind, std::size_t payload_bytes) const;

  Result<std::byte*> claim(Ring& ring, std::uint32_t index, std::uint32_t length,
                           std::uint16_t kind, std::uint16_t flags) {
    if (!is_message_open_) open_message();
    mark(ring, index);
    std::byte* at = ring.producer.try_claim(length, kind, flags);
    if (at == nullptr) [[unlikely]]
      return claim_slowly(ring, index, length, kind, flags);
    return at;
  }

  Result<std::byte*> claim_slowly(Ring& ring, std::uint32_t index, std::uint32_t length,
                                  std::uint16_t kind, std::uint16_t flags);
  void mark(Ring& ring, std::uint32_t index);
  void set_congested(Ring& ring, std::uint32_t index, bool is_congested);
  void set_evicted(std::uint32_t reader, std::uint64_t used_bytes);
  void tell(const PressureChange& change);
  bool is_refused(Ring& ring, std::uint32_t index, const shm::Received& message,
                  std::uint32_t length);
  bool is_held(Ring& ring, std::uint32_t index);
  void block(std::uint32_t ring, std::uint64_t bytes) noexcept;
  Result<std::span<std::byte>> claim_event(std::uint32_t length, std::uint16_t kind);
  [[nodiscard]] const TraceContext* context_beside(std::size_t bytes,
                                                   std::size_t most) const noexcept;
  void compose_traced(std::span<std::byte> room, shm::MessageHeader header,
                      std::span<const std::byte> payload) const noexcept;
  Result<> send_with_block(Ring& ring, std::uint32_t index, const shm::Received& message,
                           const TraceContext* trace);
  Result<> emit_with_block(const shm::MessageHeader& header, std::span<const std::byte> payload);
  Result<bool> make_block_room(const shm::Received& message);
  bool may_retry_blocks(const Blockage& blockage, std::int64_t now_ns, std::int64_t timeout_ns);
  void look_at_blocks();
  void set_blocks_congested(bool are_congested);
  bool may_retry_log(const Blockage& blockage, std::int64_t now_ns, std::int64_t timeout_ns);
  void evict_slowest();
  void ring_slow_readers();
  void open_message() noexcept;

  const shm::Segment& segment_;
  std::uint32_t endpoint_;
  shm::Interest interest_;
  std::vector<Ring> rings_;                // by target endpoint * 4 + priority
  std::vector<std::uint32_t> turn_rings_;  // those with claims of this turn
  std::vector<Mark> message_rings_;        // and of this message, with where it began
  shm::EventLogWriter log_;
  shm::EventLogWriter dead_letters_;
  shm::BlockWriter blocks_;
  std::vector<Symbol> topics_;  // of this turn's events
  std::int64_t log_full_since_ns_ = 0;
  std::uint64_t log_lowest_when_full_ = 0;

  struct {
    std::int64_t full_since_ns = 0;
    std::uint64_t oldest_when_full = 0;
    std::uint64_t reserved_by = 0;
    bool are_congested = false;
  } blocks_pressure_;  // as of a Ring

  const TraceContext* trace_ = nullptr;
  Blockage blockage_;
  std::uint64_t tickets_ = 0;
  bool is_blocked_ = false;
  bool may_wait_ = true;
  bool is_message_open_ = false;  // the current message has claimed something
  bool is_overfull_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t events_ = 0;
  std::uint32_t congested_ = 0;  // rings that are
  shm::EndpointSet evicted_;     // readers of the log that are
  bool under_pressure_ = false;  // either
  std::vector<PressureChange> pressure_;
  std::vector<shm::DeadReason> buried_;  // of this turn's dead letters

  struct {
    std::uint64_t sent = 0, events = 0;
    std::uint64_t log = 0, log_sequence = 0, dead = 0, dead_sequence = 0, blocks = 0;
    std::size_t topics = 0, buried = 0;
  } before_;  // what the message found
};

}  // namespace mabeam::worker

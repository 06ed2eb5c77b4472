// Parking: the messages of a shard that wait for suspended agents, in the order in which they came.
//
// A ring of the shard's own, of which it has both ends. What is taken of it is mostly a prefix:
// then its head moves. Where messages of agents that are still suspended lie before one that was
// taken, they, and all that lie behind them, are copied to the tail in their order; head moves to
// where the tail was. Both positions are words of the turn, so all of it happens or nothing.
//
// Room. A copy must always fit: nothing is parked once over 3/8 of the ring are in use, and no
// record is over an eighth. With the pad at the buffer's end a copy then ends within the ring.
//
// How many messages wait for each agent is private, rebuilt by open().
#pragma once

#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/turn.hpp"
#include "shm/wire.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <cstdint>
#include <vector>

namespace mabeam::worker {

class Parking {
 public:
  Parking(const shm::Segment& segment, std::uint32_t shard);

  /// Takes over at the published positions. Errors: corrupt.
  Result<> open();

  /// True unless a message is longer than what may wait.
  [[nodiscard]] bool fits(const shm::Received& message) const noexcept {
    return shm::record_bytes(message.length()) <= producer_.capacity() / 8;
  }

  /// Claims room for a message; `witness` names it for undo(). Its target says for whom it waits.
  /// Errors: suspended (no room).
  Result<> park(const shm::Received& message, std::uint64_t witness);

  /// True if this turn's commit gives room back: what a copy has left behind.
  [[nodiscard]] bool gives_room() const noexcept { return consumer_.position() != head_; }

  /// Forgets the claim of that message, if it was the last that claimed.
  void undo(std::uint64_t witness) noexcept;

  /// True if a pass over the log has something to do: an agent is resuming, one is gone for which
  /// messages wait, or the log is damaged.
  [[nodiscard]] bool has_work() const noexcept {
    return !resuming_.empty() || orphans_ != 0 || is_damaged_;
  }

  /// True if a message to that agent stays in the log.
  [[nodiscard]] bool is_suspended(AgentId id) const {
    return is_of_living(id) && table_.lifecycle_of(id) == Lifecycle::suspended;
  }

  /// Messages that wait for the agent in that slot.
  [[nodiscard]] std::uint32_t waiting_for(std::uint32_t slot) const { return waiting_[slot]; }

  /// Slots of agents that are resuming.
  [[nodiscard]] const std::vector<std::uint32_t>& resuming() const noexcept { return resuming_; }

  // ---- a pass: the records from the oldest on; before anything is parked in its turn
  void begin_pass() noexcept;

  shm::RingConsumer::Look look(shm::Record& record) noexcept { return consumer_.look(record); }

  /// Passes the record that look() has found: it stays.
  void keep(const shm::Record& record) noexcept;
  /// Passes it: it is over.
  void take(const shm::Record& record, AgentId target);
  /// Passes it and all behind it, which are damaged. Returns how many bytes.
  std::uint64_t give_up() noexcept;
  /// Copies what must be copied. A witness that blames one of those follows it.
  void end_pass(std::uint64_t& blamed_witness);

  /// Names what runs from the log, for an agent of that slot.
  [[nodiscard]] std::uint64_t witness_of(const shm::Record& record, AgentId target) const noexcept;

  /// The slot word of an agent has been stored: it is suspended, resumed, or gone.
  void note(std::uint32_t slot, Lifecycle lifecycle);

  void stage_tail(shm::Turn& turn);
  void stage_head(shm::Turn& turn);
  /// After the commit.
  void settle();

 private:
  void count();
  void copy_kept(std::uint64_t& blamed_witness);
  [[nodiscard]] bool is_of_living(AgentId id) const;

  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  const shm::Segment& segment_;
  std::uint32_t shard_;
  shm::AgentTable table_;
  shm::RingProducer producer_;
  shm::RingConsumer consumer_;
  std::uint64_t head_ = 0;            // what is published
  std::uint64_t first_kept_ = kNone;  // of this pass: where the first that stays begins
  std::vector<std::uint64_t> taken_;  // of this pass: where those behind it that are over begin
  std::uint64_t end_ = kNone;         // of this pass: where damage begins
  std::uint64_t claimed_before_ = 0;  // by the last message that was parked
  std::uint64_t last_witness_ = 0;    // and which it was
  std::uint32_t last_slot_ = 0;
  std::vector<std::uint32_t> waiting_;   // by slot: how many
  std::vector<std::uint32_t> resuming_;  // slots
  std::uint64_t orphans_ = 0;            // that wait for agents that are gone
  bool is_damaged_ = false;
};

}  // namespace mabeam::worker

// Inbox: where a shard's messages come from: three rings and an event log from every endpoint.
//
// Ready bits say which sources are worth a look. A source stays hot while it has something; after
// kColdAfter empty looks its bit is cleared, then it is looked at once more, so that a message that
// came in between is not lost (doorbell.hpp). A hot source is polled without any write to the
// shared line, which spares its sender a cache miss a turn.
#pragma once

#include "shm/event_log.hpp"
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/turn.hpp"
#include "worker/outbox.hpp"

#include "mabeam/message.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace mabeam::worker {

/// One endpoint as a source of messages.
struct Source {
  std::uint32_t endpoint = 0;
  bool is_readable = false;
  bool has_rings = false;
  bool is_in_turn = false;
  bool is_log_first = false;  ///< the next turn begins with the log, not with the ring
  std::uint32_t seen = 0;     ///< bit p: the last poll saw something of priority p
  std::uint32_t empty_looks = 0;
  std::array<shm::RingConsumer, shm::kPriorities> rings;
  shm::EventLogReader log;
  /// What the next message of a ring, or the next event, waits for.
  std::array<std::optional<Blockage>, shm::kPriorities> ring_blockage;
  std::optional<Blockage> log_blockage;
  // What is published; the private positions run ahead of it during a turn.
  std::array<std::uint64_t, shm::kPriorities> committed{};
  std::uint64_t log_committed = 0;
  std::uint64_t log_slot_committed = 0;
};

class Inbox {
 public:
  static constexpr std::uint32_t kColdAfter = 4096;
  /// Empty looks after which a source is not one that streams.
  static constexpr std::uint32_t kAwaitAfter = 2;

  Inbox(const shm::Segment& segment, std::uint32_t endpoint)
      : segment_(segment),
        endpoint_(endpoint) {}

  /// Takes over at the published positions; every source is hot at first. One whose rings or log
  /// are damaged beyond reading is left out: another's damage parks no shard.
  void open();

  /// Endpoints that open() left out.
  [[nodiscard]] const std::vector<std::uint32_t>& unreadable() const noexcept {
    return unreadable_;
  }

  /// Takes up the ready bits, then looks at every hot source. True if any has something.
  bool poll() noexcept;

  /// Bit p: the last poll() saw something of priority p; events are of normal priority.
  [[nodiscard]] std::uint32_t seen() const noexcept { return seen_; }

  [[nodiscard]] const std::vector<Source*>& hot() const noexcept { return hot_; }

  /// Called after a look at every hot source that found nothing: cools those empty for long.
  void cool_down() noexcept;

  /// Takes or gives up a cursor in every log, as the shard gets its first or loses its last
  /// subscription. Between turns.
  void set_listening(bool listen) noexcept;

  /// After new subscriptions: an emitter that did not know of them has told nobody of its event.
  void look_at_logs() noexcept;

  [[nodiscard]] bool is_listening() const noexcept { return is_listening_; }

  /// Rescans everything, ready bits aside: is there anything to do? Before a sleep.
  [[nodiscard]] bool has_work() noexcept;
  /// Bytes that nobody has read yet, over all rings.
  [[nodiscard]] bool is_drained() noexcept;

  void note_use(Source& source) {
    if (source.is_in_turn) return;
    source.is_in_turn = true;
    turn_sources_.push_back(&source);
  }

  /// Puts cursors and ring heads that have moved on the redo list, in that order.
  void stage(shm::Turn& turn);
  void settle() noexcept;

 private:
  void collect_ready() noexcept;
  bool open_source(Source& source);
  void make_hot(Source& source) noexcept;
  [[nodiscard]] bool has_input(Source& source) noexcept;

  const shm::Segment& segment_;
  std::uint32_t endpoint_;
  bool is_listening_ = false;
  std::vector<Source> sources_;  // by endpoint
  std::vector<Source*> hot_;
  std::array<std::uint64_t, shm::kMaxEndpoints / 64> hot_bits_{};  // by endpoint: is it in hot_
  std::uint32_t seen_ = 0;                                         // by all of hot_
  std::vector<Source*> turn_sources_;
  std::vector<std::uint32_t> unreadable_;
};

}  // namespace mabeam::worker

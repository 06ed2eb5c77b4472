// Tracer: the span of the message that a shard handles, and the context that its effects bear.
//
// A span is written when its message is over, beyond the tail of the shard's ring (span_ring.hpp):
// the turn publishes it. The clock is read twice for a message that is traced, and not at all for
// another.
#pragma once

#include "shm/segment.hpp"
#include "shm/span_ring.hpp"
#include "shm/trace_source.hpp"
#include "shm/turn.hpp"
#include "shm/wire.hpp"

#include "mabeam/result.hpp"
#include "mabeam/trace.hpp"

#include <cstdint>

namespace mabeam::worker {

class Tracer {
 public:
  Tracer(const shm::Segment& segment, std::uint32_t endpoint)
      : segment_(segment),
        endpoint_(endpoint) {}

  /// Takes over at the published tail. Errors: corrupt.
  Result<> open(shm::Incarnation self);

  /// The next message is not traced, as far as is known.
  void begin_message() noexcept { is_active_ = false; }

  /// It is: begins its span, for that agent.
  void begin(const shm::Received& message, AgentId agent, std::uint32_t attempt) noexcept;

  /// Begins a trace with a share of messages that have none: `sample` of shm::kSampleAll. Returns
  /// whether it did.
  bool try_begin_trace(std::uint64_t sample, const shm::Received& message,
                       std::uint32_t attempt) noexcept;

  /// What comes of the message bears this; null if it is not traced.
  [[nodiscard]] const TraceContext* context() const noexcept {
    return is_active_ ? &context_ : nullptr;
  }

  /// Its handling has failed, or it is refused.
  void fail(Errc why) noexcept { span_.result = static_cast<std::uint16_t>(why); }

  /// It has not been handled: it has no span.
  void drop() noexcept { is_open_ = false; }

  /// It has one all the same.
  void keep() noexcept { is_open_ = is_active_; }

  /// It is over: writes its span, once.
  void end() noexcept;

  /// Forgets the span of the message.
  void undo() noexcept {
    if (is_active_) writer_.rewind(before_);
  }

  void stage(shm::Turn& turn) {
    if (writer_.claimed() == writer_.published()) return;
    turn.stage(shm::WordKind::span_tail, 0, writer_.tail_word(), writer_.claimed());
  }

  void settle() noexcept { writer_.settle(); }

 private:
  void open_span(const shm::Received& message, AgentId agent, std::uint32_t attempt) noexcept;

  const shm::Segment& segment_;
  std::uint32_t endpoint_;
  shm::Incarnation self_;
  shm::TraceSource source_;
  shm::SpanWriter writer_;
  TraceContext context_;
  shm::Span span_;
  std::uint64_t before_ = 0;  // what was claimed when the message began
  bool is_active_ = false;    // the current message is traced
  bool is_open_ = false;      // and its span not written
};

}  // namespace mabeam::worker

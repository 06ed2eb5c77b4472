// ClientTracer: which of a client's messages are traced, and the spans that it leaves of them.
//
//   try_begin() -> claim() -> publish() -> in the ring            a signal, an event
//                      \          \-----> open -> answered()      a request: its answer ends it
//                       \-> discard()
//
// Where nothing is sampled a message costs one load.
#pragma once

#include "shm/client_endpoint.hpp"
#include "shm/segment.hpp"
#include "shm/span_ring.hpp"
#include "shm/trace_source.hpp"
#include "shm/wire.hpp"

#include "mabeam/result.hpp"
#include "mabeam/trace.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace mabeam::shm {

class ClientTracer {
 public:
  /// The place of what is claimed in the log of events, beside the numbers of rings.
  static constexpr std::uint32_t kLog = ~std::uint32_t{0};

  /// Both outlive this.
  ClientTracer(const Segment& segment, const ClientEndpoint& endpoint);

  /// Errors: corrupt.
  Result<> open();

  /// A parent that no message could bear is none.
  void set(const Tracing& tracing) {
    tracing_ = tracing;
    if (tracing.parent && !tracing.parent->is_valid()) tracing_.parent.reset();
  }

  /// What the last message bore that was accepted.
  [[nodiscard]] const std::optional<TraceContext>& last() const { return last_; }

  /// The context of the next message, which it is to be claimed with; nothing if it has none.
  [[nodiscard]] std::optional<TraceContext> try_begin() {
    if (tracing_.start == Tracing::Start::sampled && !tracing_.parent) [[likely]] {
      const std::uint64_t sample = tunables_.trace_sample.load(std::memory_order_relaxed);
      if (!source_.takes(sample)) return std::nullopt;
    }
    return begin();
  }

  /// What every message bears beside its header and payload; one that is sampled may bear more.
  [[nodiscard]] std::size_t certain_bytes() const {
    const bool is_certain = tracing_.start == Tracing::Start::always || tracing_.parent;
    return is_certain ? sizeof(TraceContext) : 0;
  }

  /// Notes a message that has been claimed in that place; nothing: without a context.
  void claim(std::uint32_t place, Kind kind, const MessageHeader& header,
             const std::optional<TraceContext>& context) {
    last_ = context;
    if (context) note(place, kind, header, *context);
  }

  /// What is claimed has been published.
  void publish() {
    if (!claimed_.empty()) [[unlikely]]
      publish_claimed();
  }

  /// What is claimed in a place is forgotten.
  void discard(std::uint32_t place);

  /// The request of that correlation has come to its end.
  void answered(std::uint64_t correlation, Errc result) {
    if (!open_.empty()) [[unlikely]]
      end(correlation, result);
  }

 private:
  struct Claim {
    std::uint32_t place = 0;
    std::uint64_t correlation = 0;
    Span span;
  };

  std::optional<TraceContext> begin();
  void note(std::uint32_t place, Kind kind, const MessageHeader& header,
            const TraceContext& context);
  void publish_claimed();
  void end(std::uint64_t correlation, Errc result);

  const Segment& segment_;
  const ClientEndpoint& endpoint_;
  const Tunables& tunables_;
  TraceSource source_;
  Tracing tracing_;
  std::optional<TraceContext> last_;
  SpanWriter writer_;
  std::vector<Claim> claimed_;
  std::unordered_map<std::uint64_t, Span> open_;  // by correlation
};

}  // namespace mabeam::shm

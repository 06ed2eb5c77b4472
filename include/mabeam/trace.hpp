// Traces: what came of one message, across agents, shards and workers.
//
// A trace begins with a message that is sampled ([trace] sample), or whose sender wants one
// (Client::set_tracing()). It is borne along by all that the message's handler sends, emits, calls,
// answers and creates. What is traced leaves spans in the segment: one for each message that a
// handler was given, and one for each that a client has sent. They overwrite the oldest.
//
// Context and text form are W3C's (Trace Context, traceparent): the span in a context is its
// sender's, and whoever handles the message makes one of its own below it.
#pragma once

#include "mabeam/export.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam {

/// 128 bits, never 0 in a trace.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  constexpr explicit operator bool() const { return (high | low) != 0; }

  friend constexpr auto operator<=>(const TraceId&, const TraceId&) = default;
};

/// One span of a trace; 0 is none.
enum class SpanId : std::uint64_t { none = 0 };

/// What a traced message bears.
struct TraceContext {
  static constexpr std::uint8_t kSampled = 1;

  TraceId trace;
  SpanId span{};  ///< its sender's
  std::uint8_t version = 0;
  std::uint8_t flags = kSampled;  ///< W3C's trace-flags
  std::uint8_t reserved[6] = {};

  /// False for one that no message may bear.
  [[nodiscard]] constexpr bool is_valid() const { return trace && span != SpanId::none; }

  [[nodiscard]] constexpr bool is_sampled() const { return (flags & kSampled) != 0; }
};

static_assert(sizeof(TraceContext) == 32);

/// A `traceparent` header: "00-<32 hex digits>-<16>-<2>", in lower case. Of a later version what
/// this one knows is taken. Nothing if it is no such text.
MABEAM_API std::optional<TraceContext> parse_traceparent(std::string_view text);
/// That header, of version 00.
MABEAM_API std::string to_traceparent(const TraceContext& context);

/// 32 hexadecimal digits, as every tool prints and accepts the id of a trace.
MABEAM_API std::string to_string(const TraceId& id);
/// The id that 32 hexadecimal digits name; nothing if the text is anything else, or all zero.
MABEAM_API std::optional<TraceId> parse_trace_id(std::string_view text);
/// 16 hexadecimal digits.
MABEAM_API std::string to_string(SpanId id);

/// Which of its messages a client traces.
struct Tracing {
  enum class Start : std::uint8_t {
    sampled,  ///< as many as the configuration says
    always,   ///< all
    never     ///< none
  };

  Start start = Start::sampled;
  /// They belong to this trace, which somebody else has begun, below this span. Unless `start`
  /// says otherwise, they are traced if it is sampled. Nothing: each begins one of its own.
  std::optional<TraceContext> parent = {};
};

/// One piece of a trace: a message handled by an agent, or sent by a client.
struct SpanView {
  TraceId trace;
  SpanId id{};
  SpanId parent{};          ///< 0: it began the trace
  std::uint32_t depth = 0;  ///< below the first span; spans whose parent is gone begin at 0
  bool is_client = false;   ///< sent by a client, not handled by an agent
  std::string kind;         ///< "request", "signal", "event", "timer"...
  std::string name;         ///< the action, the signal's type, the topic, the agent type
  AgentId agent;            ///< who handled it; of a client's: to whom it was sent
  AgentId source;           ///< who sent it
  std::uint32_t endpoint = 0;
  std::string endpoint_name;            ///< "shard 2", "client 0"
  std::optional<std::uint32_t> worker;  ///< that handled it; nothing for a client's
  std::uint32_t attempt = 1;            ///< at that message, after crashes
  std::int64_t sent_ns = 0;             ///< CLOCK_MONOTONIC
  std::int64_t started_ns = 0;          ///< its handler; of a client's: sent_ns
  std::int64_t ended_ns = 0;  ///< its handler; of a client's: the answer, or sent_ns without one
  std::optional<Errc> error;  ///< nothing: it succeeded

  [[nodiscard]] std::int64_t queued_ns() const { return started_ns - sent_ns; }

  [[nodiscard]] std::int64_t handled_ns() const { return ended_ns - started_ns; }
};

/// A trace of which spans are kept.
struct TraceView {
  TraceId id;
  std::string root;  ///< kind and name of its first span that is kept
  std::uint64_t spans = 0;
  std::uint64_t errors = 0;      ///< spans that failed
  std::int64_t begun_ns = 0;     ///< CLOCK_MONOTONIC: the earliest sent_ns
  std::int64_t duration_ns = 0;  ///< until the latest ended_ns
};

struct TraceList {
  std::vector<TraceView> traces;  ///< the latest first
  std::uint64_t total = 0;        ///< whatever the limit
  std::uint64_t damaged = 0;      ///< rings of spans, and spans, that are left out: verify() tells
};

struct SpanList {
  std::vector<SpanView> spans;  ///< a tree, each before those below it, which are by time
  std::uint64_t damaged = 0;    ///< as above
};

}  // namespace mabeam

// Verify: the rings of spans: header, and what each span says of itself.
#include "shm/snapshots.hpp"
#include "shm/span_ring.hpp"
#include "shm/verify_pass.hpp"

namespace mabeam::shm {
namespace {

void verify_span(VerifyPass& pass, std::uint32_t endpoint, const Span& span) {
  const Segment& segment = pass.segment();
  const auto where = [&] {
    return "spans of " + endpoint_name(segment, endpoint) + ", span " +
           to_string(static_cast<SpanId>(span.span));
  };
  pass.expect(span.trace && span.span != 0, where, "its ids are none", span.span);
  const auto side = segment.is_shard(endpoint) ? SpanSide::handler : SpanSide::client;
  pass.expect(span.side == side, where, "it is not of its endpoint's side",
              static_cast<std::uint64_t>(span.side));
  const std::string_view kind = kind_name(static_cast<Kind>(span.kind));
  pass.expect(span.kind != 0 && kind != "unknown", where, "it is of no kind of message", span.kind);
  pass.expect(span.result == 0 || code_name(static_cast<Errc>(span.result)) != "unknown", where,
              "its result is no code", span.result);
  pass.expect(span.started_ns == bounded_time(span.started_ns) &&
                  span.ended_ns == bounded_time(span.ended_ns) && span.started_ns <= span.ended_ns,
              where, "it ends before it begins, or never",
              static_cast<std::uint64_t>(span.ended_ns));
}

}  // namespace

void verify_spans(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  for (std::uint32_t endpoint = 1; endpoint < segment.endpoints(); ++endpoint) {
    const auto left = read_spans(segment.spans(endpoint));
    const auto where = [&] { return "spans of " + endpoint_name(segment, endpoint); };
    pass.expect(left.has_value(), where, "its header is not the layout's", 0);
    if (!left) continue;
    pass.expect(left->damaged == 0, where, "spans have numbers that are not theirs", left->damaged);
    for (const Span& span : left->spans)
      verify_span(pass, endpoint, span);
  }
  pass.count_bytes(segment.layout()[Region::spans].bytes);
}

}  // namespace mabeam::shm

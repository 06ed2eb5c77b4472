#include "shm/client_tracer.hpp"

#include "shm/clock.hpp"

#include <algorithm>

namespace mabeam::shm {

ClientTracer::ClientTracer(const Segment& segment, const ClientEndpoint& endpoint)
    : segment_(segment),
      endpoint_(endpoint),
      tunables_(segment.header().tunables) {
}

Result<> ClientTracer::open() {
  const auto writer = SpanWriter::open(segment_.spans(endpoint_.index()));
  if (!writer) return fail(writer.error());
  writer_ = *writer;
  return {};
}

std::optional<TraceContext> ClientTracer::begin() {
  const auto& parent = tracing_.parent;
  const bool is_wanted =
      tracing_.start == Tracing::Start::always ||
      (tracing_.start == Tracing::Start::sampled && (!parent || parent->is_sampled()));
  if (!is_wanted) return std::nullopt;
  TraceContext context;
  context.trace = parent ? parent->trace : source_.new_trace();
  context.span = source_.new_span();
  return context;
}

void ClientTracer::note(std::uint32_t place, Kind kind, const MessageHeader& header,
                        const TraceContext& context) {
  Claim& claim = claimed_.emplace_back();
  claim.place = place;
  claim.correlation = kind == Kind::cancel || kind == Kind::event ? 0 : header.correlation;
  Span& span = claim.span;
  span.trace = context.trace;
  span.span = static_cast<std::uint64_t>(context.span);
  if (tracing_.parent) span.parent = static_cast<std::uint64_t>(tracing_.parent->span);
  span.agent = header.target;
  span.source = header.source;
  span.owner = endpoint_.owner().value;
  span.sent_ns = span.started_ns = span.ended_ns = header.sent_ns;
  span.symbol = static_cast<std::uint32_t>(header.symbol);
  span.kind = static_cast<std::uint16_t>(kind);
  span.side = SpanSide::client;
}

void ClientTracer::publish_claimed() {
  for (const Claim& claim : claimed_) {
    if (claim.correlation != 0) {
      open_.insert_or_assign(claim.correlation, claim.span);
    } else {
      writer_.claim(claim.span);
      writer_.publish();
    }
  }
  claimed_.clear();
}

void ClientTracer::discard(std::uint32_t place) {
  std::erase_if(claimed_, [place](const Claim& claim) { return claim.place == place; });
}

void ClientTracer::end(std::uint64_t correlation, Errc result) {
  const auto found = open_.find(correlation);
  if (found == open_.end()) return;
  Span& span = found->second;
  span.ended_ns = monotonic_ns();
  span.result = static_cast<std::uint16_t>(result);
  writer_.claim(span);
  writer_.publish();
  open_.erase(found);
}

}  // namespace mabeam::shm

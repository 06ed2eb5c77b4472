// The observer's traces: the spans that all rings still hold.
#include "shm/observer_impl.hpp"
#include "shm/snapshots.hpp"
#include "shm/span_ring.hpp"
#include "shm/span_tree.hpp"
#include "shm/wire.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace mabeam {
namespace {

using shm::Segment;
using shm::Span;
using shm::SpanSide;

/// Reads every ring; `wanted`: of that trace alone, if it is one.
class SpanCollector {
 public:
  SpanCollector(const Segment& segment, const TraceId& wanted)
      : segment_(segment),
        symbols_(segment.symbols()),
        wanted_(wanted) {}

  SpanList collect() {
    SpanList list;
    for (std::uint32_t endpoint = 1; endpoint < segment_.endpoints(); ++endpoint) {
      const Result<shm::SpansLeft> left = shm::read_spans(segment_.spans(endpoint));
      if (!left) ++list.damaged;
      if (!left) continue;
      for (const Span& span : left->spans) {
        if (wanted_ && span.trace != wanted_) continue;
        if (is_sound(endpoint, span)) {
          list.spans.push_back(view_of(endpoint, span));
        } else {
          ++list.damaged;
        }
      }
    }
    return list;
  }

 private:
  [[nodiscard]] bool is_sound(std::uint32_t endpoint, const Span& span) const {
    const auto side = segment_.is_shard(endpoint) ? SpanSide::handler : SpanSide::client;
    return span.trace && span.span != 0 && span.side == side;
  }

  [[nodiscard]] SpanView view_of(std::uint32_t endpoint, const Span& span) const {
    SpanView view;
    view.trace = span.trace;
    view.id = static_cast<SpanId>(span.span);
    view.parent = static_cast<SpanId>(span.parent);
    view.is_client = span.side == SpanSide::client;
    view.kind = kind_name(static_cast<shm::Kind>(span.kind));
    view.name = symbols_.text(static_cast<Symbol>(span.symbol));
    view.agent = AgentId{span.agent};
    view.source = AgentId{span.source};
    view.endpoint = endpoint;
    view.endpoint_name = shm::endpoint_name(segment_, endpoint);
    const shm::Incarnation owner{span.owner};
    if (!view.is_client && owner && owner.worker() < shm::kMaxWorkers) view.worker = owner.worker();
    view.attempt = span.attempt;
    // Each behind the one before, whatever is written there: so no difference is below 0.
    view.ended_ns = shm::bounded_time(span.ended_ns);
    view.started_ns = std::min(shm::bounded_time(span.started_ns), view.ended_ns);
    view.sent_ns = std::min(shm::bounded_time(span.sent_ns), view.started_ns);
    if (span.result != 0) view.error = static_cast<Errc>(span.result);
    return view;
  }

  const Segment& segment_;
  shm::Symbols symbols_;
  TraceId wanted_;
};

/// One trace, as far as its spans have been seen.
struct Gathered {
  TraceView view;
  std::int64_t ended_ns = 0;
};

void gather(std::map<TraceId, Gathered>& traces, const SpanView& span) {
  Gathered& trace = traces[span.trace];
  TraceView& view = trace.view;
  if (view.spans++ == 0) {  // a tree's first is its root
    view.id = span.trace;
    view.root = span.name.empty() ? span.kind : span.kind + " " + span.name;
    view.begun_ns = span.sent_ns;
  }
  if (span.error) ++view.errors;
  view.begun_ns = std::min(view.begun_ns, span.sent_ns);
  trace.ended_ns = std::max(trace.ended_ns, span.ended_ns);
}

}  // namespace

SpanList Observer::spans(const TraceId& trace) const {
  SpanList list = SpanCollector{impl_->segment, trace}.collect();
  shm::order_as_tree(list.spans);
  return list;
}

TraceList Observer::traces(std::size_t limit) const {
  const SpanList spans = this->spans();
  std::map<TraceId, Gathered> gathered;
  for (const SpanView& span : spans.spans)
    gather(gathered, span);
  TraceList list;
  list.damaged = spans.damaged;
  list.total = gathered.size();
  for (auto& [id, trace] : gathered) {
    trace.view.duration_ns = trace.ended_ns - trace.view.begun_ns;
    list.traces.push_back(std::move(trace.view));
  }
  std::stable_sort(list.traces.begin(), list.traces.end(),
                   [](const TraceView& a, const TraceView& b) { return a.begun_ns > b.begun_ns; });
  if (limit != 0 && list.traces.size() > limit) list.traces.resize(limit);
  return list;
}

}  // namespace mabeam

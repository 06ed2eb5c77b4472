// The observer's history: past events out of all logs, merged by time.
//
// Logs are read one after the other while others write. What was emitted after the call had begun
// is left out: an event is published before anything that comes of it is emitted, so whatever is
// handed out has its causes with it, as far as they are kept.
#include "shm/clock.hpp"
#include "shm/observer_impl.hpp"
#include "shm/past_events.hpp"
#include "shm/snapshots.hpp"
#include "shm/topics.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

namespace mabeam {
namespace {

using shm::PastEvent;
using shm::PastEvents;
using shm::Segment;

/// What the query wants, of one segment.
class Filter {
 public:
  Filter(const Segment& segment, const HistoryQuery& query, std::int64_t until_ns,
         std::int64_t now_ns)
      : query_(query),
        until_ns_(until_ns),
        since_ns_(query.since.count() > 0 ? now_ns - query.since.count()
                                          : std::numeric_limits<std::int64_t>::min()),
        topics_(segment.symbols().capacity(), unknown) {}

  [[nodiscard]] bool is_later(const PastEvent& event) const { return event.emitted_ns > until_ns_; }

  [[nodiscard]] bool wants(const PastEvent& event) {
    if (event.emitted_ns < since_ns_) return false;
    if (query_.source && event.message.header.source != query_.source.value()) return false;
    return wants_topic(event);
  }

  [[nodiscard]] std::uint64_t start_of(std::uint32_t log) const {
    std::uint64_t from = 0;
    for (const LogPosition& position : query_.from)
      if (position.log == log) from = std::max(from, position.sequence);
    return from;
  }

 private:
  enum Known : char { unknown, wanted, unwanted };

  // Matched once for each topic, not for each event.
  bool wants_topic(const PastEvent& event) {
    char& known = topics_[static_cast<std::uint32_t>(event.symbol) - shm::kFirstSymbol];
    if (known == unknown) known = shm::matches(query_.pattern, event.topic) ? wanted : unwanted;
    return known == wanted;
  }

  const HistoryQuery& query_;
  std::int64_t until_ns_;
  std::int64_t since_ns_;
  std::vector<char> topics_;
};

/// Keeps the newest `last` of one log's events; all if `last` is 0.
void keep(std::deque<HistoryEvent>& events, const PastEvent& event, std::uint32_t log,
          std::size_t last) {
  if (last != 0 && events.size() == last) events.pop_front();
  shm::fill_history_event(events.emplace_back(), event, log);
}

void read_log(const Segment& segment, std::uint32_t endpoint, Filter& filter, std::size_t last,
              HistoryView& view) {
  HistoryLog log{.log = endpoint, .name = shm::endpoint_name(segment, endpoint)};
  Result<PastEvents> past = PastEvents::open(segment, endpoint, filter.start_of(endpoint));
  if (!past) {
    log.is_damaged = true;
    view.logs.push_back(log);
    return;
  }
  std::deque<HistoryEvent> events;
  PastEvent event;
  std::optional<std::uint64_t> first_later;
  while (past->next(event)) {
    if (filter.is_later(event)) {
      if (!first_later) first_later = event.message.header.id;
      continue;
    }
    if (!filter.wants(event)) continue;
    ++view.matched;
    keep(events, event, endpoint, last);
  }
  log.gone = past->gone();
  log.kept = past->kept();
  log.next = first_later.value_or(past->next_number());
  log.is_damaged = past->is_damaged();
  view.unreadable += past->unreadable();
  view.gone += log.gone;
  if (past->next_number() != 0 || log.is_damaged) view.logs.push_back(log);
  view.events.insert(view.events.end(), std::make_move_iterator(events.begin()),
                     std::make_move_iterator(events.end()));
}

// One log's events keep their order: a clock does not go back, but what says so may be damaged.
void merge(std::vector<HistoryEvent>& events) {
  std::uint32_t log = 0;
  std::int64_t latest = std::numeric_limits<std::int64_t>::min();
  std::vector<std::pair<std::int64_t, std::size_t>> order;
  order.reserve(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].log != log) latest = std::numeric_limits<std::int64_t>::min();
    log = events[i].log;
    latest = std::max(latest, events[i].emitted_ns);
    order.emplace_back(latest, i);
  }
  std::sort(order.begin(), order.end());
  std::vector<HistoryEvent> merged;
  merged.reserve(events.size());
  for (const auto& [time, index] : order)
    merged.push_back(std::move(events[index]));
  events = std::move(merged);
}

/// A copy has no present: its time is that of its newest event.
std::int64_t newest_event_ns(const Segment& segment) {
  std::int64_t newest = 0;
  for (std::uint32_t endpoint = 0; endpoint < segment.endpoints(); ++endpoint) {
    Result<PastEvents> past = PastEvents::open(segment, endpoint);
    PastEvent event;
    while (past && past->next(event))
      newest = std::max(newest, event.emitted_ns);
  }
  return newest;
}

}  // namespace

Result<HistoryView> Observer::history(const HistoryQuery& query) const {
  const Segment& segment = impl_->segment;
  if (const Result<> checked = shm::check_pattern(query.pattern); !checked) {
    return fail(checked.error());
  }
  const std::uint32_t logs = segment.endpoints();
  if (query.log && *query.log >= logs) return fail(Errc::invalid_argument);
  for (const LogPosition& position : query.from)
    if (position.log >= logs) return fail(Errc::invalid_argument);
  const std::int64_t now_ns = impl_->is_live ? shm::monotonic_ns() : newest_event_ns(segment);
  const bool has_end = impl_->is_live;
  Filter filter{segment, query, has_end ? now_ns : std::numeric_limits<std::int64_t>::max(),
                now_ns};
  HistoryView view;
  for (std::uint32_t endpoint = 0; endpoint < logs; ++endpoint) {
    if (!query.log || *query.log == endpoint) {
      read_log(segment, endpoint, filter, query.last, view);
    }
  }
  merge(view.events);
  if (query.last != 0 && view.events.size() > query.last) {
    view.events.erase(view.events.begin(),
                      view.events.end() - static_cast<std::ptrdiff_t>(query.last));
  }
  if (query.limit != 0 && view.events.size() > query.limit) view.events.resize(query.limit);
  return view;
}

}  // namespace mabeam

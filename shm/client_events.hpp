// ClientEvents: a client's subscriptions and its reading ends of all event logs.
//
// An event is copied before it is handed out, and counted as read only if this reader was not
// evicted meanwhile, so a handler never looks at bytes that its emitter is overwriting. What an
// eviction cost is told exactly, by the gap in the emitter's sequence.
//
// A subscription's order: cursors in every log, since_ns, the word, the epoch. So no event that is
// emitted after subscribe() has returned is missed, and none from before is handed out.
#pragma once

#include "shm/client_endpoint.hpp"
#include "shm/event_log.hpp"
#include "shm/segment.hpp"
#include "shm/subscriptions.hpp"
#include "shm/wire.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::shm {

class ClientEvents {
 public:
  using Handler = std::function<void(const EventView&)>;

  /// Both outlive this.
  ClientEvents(const Segment& segment, const ClientEndpoint& endpoint);

  /// Errors: bad_topic, symbols_full, subscriptions_full, corrupt (the header of a log).
  Result<> subscribe(std::string_view pattern);

  /// Hands out up to `limit` events that have come. Returns how many.
  std::size_t poll(const Handler& handler, std::size_t limit);

  /// True if there is something that poll() has not looked at.
  [[nodiscard]] bool has_more();

  [[nodiscard]] std::uint64_t missed() const { return missed_; }

 private:
  struct Pattern {
    std::string text;
    std::int64_t since_ns = 0;
  };

  Result<> join_logs();
  [[nodiscard]] Subscription* find_entry(std::uint64_t word) const;
  [[nodiscard]] std::int64_t wanted_since(Symbol topic);
  std::size_t poll_log(EventLogReader& log, const Handler& handler, std::size_t limit);
  [[nodiscard]] bool take(EventLogReader& log, const Record& record, EventView& event);
  /// Below 0: so many had been counted that came after all.
  void count_missed(std::int64_t events);
  void give_up(EventLogReader& log);

  const Segment& segment_;
  const ClientEndpoint& endpoint_;
  Symbols symbols_;
  std::vector<EventLogReader> logs_;  // by endpoint; empty until the first subscription
  std::size_t next_log_ = 0;          // where the next poll begins
  std::vector<Pattern> patterns_;
  std::vector<std::int64_t> wanted_;  // by topic: from when on; kUnknown until it is matched
  std::vector<std::byte> copy_;
  std::uint64_t missed_ = 0;
};

}  // namespace mabeam::shm

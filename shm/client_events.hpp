// ClientEvents: a client's subscriptions and its reading ends of all event logs.
//
// An event is copied before it is handed out, and counted as read only if this reader was not
// evicted meanwhile, so a handler never looks at bytes that its emitter is overwriting. What an
// eviction cost is told exactly, by the gap in the emitter's sequence.
//
// What is wanted `latest` is read without cursors, as an observer does: nobody waits for us.
//
// A subscription's order: cursors in every log, since_ns, the word, the epoch. So no event that is
// emitted after subscribe() has returned is missed, and none from before is handed out.
#pragma once

#include "shm/client_endpoint.hpp"
#include "shm/client_subscriptions.hpp"
#include "shm/event_log.hpp"
#include "shm/segment.hpp"
#include "shm/wire.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace mabeam::shm {

class ClientEvents {
 public:
  using Handler = std::function<void(const EventView&)>;

  /// Both outlive this.
  ClientEvents(const Segment& segment, const ClientEndpoint& endpoint);

  /// Errors: bad_topic, symbols_full, subscriptions_full, corrupt (the header of a log).
  Result<> subscribe(std::string_view pattern, const SubscribeOptions& options);

  /// Errors: not_found.
  Result<> unsubscribe(std::string_view pattern, const SubscribeOptions* options);

  /// Hands out up to `limit` events that have come. Returns how many.
  std::size_t poll(const Handler& handler, std::size_t limit);

  /// True if there is something that poll() has not looked at.
  [[nodiscard]] bool has_more();

  [[nodiscard]] std::uint64_t missed() const { return missed_; }

 private:
  Result<> join_logs();
  Result<> open_observers();
  Result<> begin_reading(Delivery delivery);
  void end_reading();
  std::size_t poll_log(std::size_t endpoint, const Handler& handler, std::size_t limit);
  std::size_t poll_latest(EventLogObserver& log, const Handler& handler, std::size_t limit);
  [[nodiscard]] bool take(EventLogReader& log, std::span<const std::byte> arena,
                          const Record& record, EventView& event);
  /// Below 0: so many had been counted that came after all.
  void count_missed(std::int64_t events);
  void give_up(EventLogReader& log);

  const Segment& segment_;
  const ClientEndpoint& endpoint_;
  Symbols symbols_;
  ClientSubscriptions subscriptions_;
  std::vector<EventLogReader> logs_;      // by endpoint; empty without a reliable subscription
  std::vector<EventLogObserver> latest_;  // by endpoint; empty without one of the latest
  bool is_polling_ = false;               // a handler may subscribe and unsubscribe
  bool is_stale_ = false;                 // there may be reading ends that nothing needs
  std::size_t next_log_ = 0;              // where the next poll begins
  std::vector<std::byte> copy_;
  std::uint64_t missed_ = 0;
};

}  // namespace mabeam::shm

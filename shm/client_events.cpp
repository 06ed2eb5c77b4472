#include "shm/client_events.hpp"

#include "shm/clock.hpp"
#include "shm/topics.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace mabeam::shm {
namespace {

constexpr std::size_t kLookLimit = 4096;  // records of one log a poll, wanted or not
constexpr std::size_t kReleaseEvery = 64;
constexpr std::int64_t kReleaseAfter = 10'000'000;  // ns: a slow handler must not look stalled

}  // namespace

ClientEvents::ClientEvents(const Segment& segment, const ClientEndpoint& endpoint)
    : segment_(segment),
      endpoint_(endpoint),
      symbols_(segment.symbols()),
      subscriptions_(segment, endpoint.index()) {
}

// ---- subscriptions ---------------------------------------------------------------------------

Result<> ClientEvents::join_logs() {
  std::vector<EventLogReader> logs;
  logs.reserve(segment_.endpoints());
  for (std::uint32_t i = 0; i < segment_.endpoints(); ++i) {
    const auto log = EventLogReader::open(segment_.log(i), segment_.endpoints(), endpoint_.index());
    if (!log) return fail(log.error());
    logs.push_back(*log);
  }
  for (EventLogReader& log : logs)
    log.join();
  logs_ = std::move(logs);
  return {};
}

Result<> ClientEvents::open_observers() {
  std::vector<EventLogObserver> logs;
  logs.reserve(segment_.endpoints());
  for (std::uint32_t i = 0; i < segment_.endpoints(); ++i) {
    const auto log =
        EventLogObserver::open(segment_.log(i), segment_.endpoints(), segment_.blocks(i));
    if (!log) return fail(log.error());
    logs.push_back(*log);
  }
  latest_ = std::move(logs);
  return {};
}

Result<> ClientEvents::begin_reading(Delivery delivery) {
  if (delivery == Delivery::reliable) return logs_.empty() ? join_logs() : Result<>{};
  return latest_.empty() ? open_observers() : Result<>{};
}

/// Nobody waits any longer for a client that has no reliable subscription. A poll under way ends
/// first.
void ClientEvents::end_reading() {
  is_stale_ = is_polling_;
  if (is_stale_) return;
  if (!subscriptions_.has(Delivery::latest)) latest_.clear();
  if (subscriptions_.has(Delivery::reliable)) return;
  for (EventLogReader& log : logs_)
    log.leave();
  logs_.clear();
}

Result<> ClientEvents::subscribe(std::string_view pattern, const SubscribeOptions& options) {
  Result<> done = check_pattern(pattern);
  if (done) done = begin_reading(options.delivery);
  if (done) done = subscriptions_.add(pattern, options);
  end_reading();  // what it took and does not need, and what a changed delivery no longer does
  return done;
}

Result<> ClientEvents::unsubscribe(std::string_view pattern, const SubscribeOptions* options) {
  if (const Result<> removed = subscriptions_.remove(pattern, options); !removed) return removed;
  end_reading();
  return {};
}

// ---- events ----------------------------------------------------------------------------------

bool ClientEvents::has_more() {
  return std::any_of(logs_.begin(), logs_.end(),
                     [](EventLogReader& log) { return log.has_more(); }) ||
         std::any_of(latest_.begin(), latest_.end(),
                     [](const EventLogObserver& log) { return log.has_more(); });
}

std::size_t ClientEvents::poll(const Handler& handler, std::size_t limit) {
  const std::size_t logs = std::max(logs_.size(), latest_.size());
  std::size_t count = 0;
  is_polling_ = true;
  for (std::size_t step = 0; step < logs && count < limit; ++step) {
    const std::size_t log = next_log_ % logs;
    next_log_ = (log + 1) % logs;
    if (!logs_.empty()) count += poll_log(log, handler, limit - count);
    if (!latest_.empty()) count += poll_latest(latest_[log], handler, limit - count);
  }
  is_polling_ = false;
  if (is_stale_) end_reading();
  return count;
}

std::size_t ClientEvents::poll_log(std::size_t endpoint, const Handler& handler,
                                   std::size_t limit) {
  EventLogReader& log = logs_[endpoint];
  const auto arena = segment_.blocks(static_cast<std::uint32_t>(endpoint));
  if (log.is_evicted()) count_missed(static_cast<std::int64_t>(log.rejoin()));
  std::size_t count = 0;
  Record record;
  EventView event;
  std::int64_t released_ns = monotonic_ns();
  for (std::size_t looked = 0; looked < kLookLimit && count < limit; ++looked) {
    const Result<bool> found = log.peek(record);
    if (!found) {
      give_up(log);
      break;
    }
    if (!*found) break;
    const bool taken = take(log, arena, record, event);
    if (taken) {
      ++count;
      handler(event);
    }
    if (log.is_evicted()) return count;  // nothing to release; the next poll joins again
    const bool is_slow = taken && monotonic_ns() - released_ns > kReleaseAfter;
    if (is_slow || looked % kReleaseEvery == kReleaseEvery - 1) {
      log.release();
      released_ns = monotonic_ns();
    }
  }
  log.release();
  return count;
}

std::size_t ClientEvents::poll_latest(EventLogObserver& log, const Handler& handler,
                                      std::size_t limit) {
  std::size_t count = 0;
  EventView event;
  RecordHeader record{};
  const std::uint64_t missed_before = log.missed();
  for (std::size_t looked = 0; looked < kLookLimit && count < limit; ++looked) {
    const Result<bool> found = log.next(record, copy_);
    if (!found) count_missed(1);  // and all up to the tail: nothing there says how many
    if (!found || !*found) break;
    const std::optional<Received> message = parse({record, copy_, 0, 0});
    if (!message || message->kind != Kind::event ||
        !subscriptions_.wants(message->header, Delivery::latest)) {
      continue;
    }
    event = {symbols_.text(message->header.symbol), message->view(),
             AgentId{message->header.source}, message->header.id, message->header.sent_ns};
    ++count;
    handler(event);
  }
  count_missed(static_cast<std::int64_t>(log.missed() - missed_before));
  return count;
}

/// Goes behind a record. True if it is wanted: then `event` views a whole copy of it.
bool ClientEvents::take(EventLogReader& log, std::span<const std::byte> arena, const Record& record,
                        EventView& event) {
  std::optional<Received> message = parse(record);
  const bool is_event = message && message->kind == Kind::event;
  const bool is_wanted = is_event && subscriptions_.wants(message->header, Delivery::reliable);
  const bool is_whole = is_wanted && find_payload(arena, {kLogPath, record.end}, *message);
  if (is_whole) copy_.assign(message->payload.begin(), message->payload.end());
  std::atomic_thread_fence(std::memory_order_acquire);  // INTENT: the copy, then the eviction
  if (log.is_evicted()) return false;
  const std::uint64_t expected = log.sequence();
  // Every event takes more than one byte, so no number is above its position: that would be damage.
  const bool is_numbered = is_event && message->header.id <= record.position;
  const std::uint64_t sequence = is_numbered ? message->header.id : expected;
  count_missed(log.missed_before(sequence));
  log.advance(record.end, sequence == kNotReading ? kNotReading : sequence + 1);
  if (is_wanted && !is_whole) count_missed(1);  // its block is damaged
  if (!is_whole) return false;
  event.topic = symbols_.text(message->header.symbol);
  event.payload = {copy_, static_cast<Content>(message->header.content)};
  event.source = AgentId{message->header.source};
  event.sequence = sequence;
  event.emitted_ns = message->header.sent_ns;
  return true;
}

void ClientEvents::count_missed(std::int64_t events) {
  if (events == 0) return;
  missed_ += static_cast<std::uint64_t>(events);
  endpoint_.count_missed(static_cast<std::uint64_t>(events));
}

// A log whose bytes are corrupt is given up to its tail; its next event tells what that cost.
void ClientEvents::give_up(EventLogReader& log) {
  const std::uint64_t expected = log.sequence();
  log.skip_all();
  log.advance(log.position(), expected);
}

}  // namespace mabeam::shm

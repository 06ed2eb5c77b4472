#include "shm/client_events.hpp"

#include "shm/clock.hpp"
#include "shm/topics.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

namespace mabeam::shm {
namespace {

constexpr std::int64_t kUnknown = -1;
constexpr std::int64_t kNotWanted = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kLookLimit = 4096;  // records of one log a poll, wanted or not
constexpr std::size_t kReleaseEvery = 64;
constexpr std::int64_t kReleaseAfter = 10'000'000;  // ns: a slow handler must not look stalled

}  // namespace

ClientEvents::ClientEvents(const Segment& segment, const ClientEndpoint& endpoint)
    : segment_(segment),
      endpoint_(endpoint),
      symbols_(segment.symbols()) {
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

/// The entry that holds `word`; 0 finds a free one.
Subscription* ClientEvents::find_entry(std::uint64_t word) const {
  for (Subscription& entry : segment_.subscriptions(endpoint_.index())) {
    if (entry.word.load(std::memory_order_relaxed) == word) return &entry;
  }
  return nullptr;
}

Result<> ClientEvents::subscribe(std::string_view pattern) {
  if (const Result<> checked = check_pattern(pattern); !checked) return fail(checked.error());
  const Result<Symbol> symbol = symbols_.intern(pattern);
  if (!symbol) return fail(symbol.error());
  const std::uint64_t word = SubscriptionWord{*symbol, AgentId::kClientSlot}.pack();
  if (find_entry(word) != nullptr) return {};
  Subscription* entry = find_entry(0);
  if (entry == nullptr) return fail(Errc::subscriptions_full);
  if (logs_.empty()) {
    if (const Result<> joined = join_logs(); !joined) return fail(joined.error());
  }
  const std::int64_t now = monotonic_ns();
  patterns_.push_back({std::string{pattern}, now});
  wanted_.assign(symbols_.capacity(), kUnknown);
  entry->since_ns.store(static_cast<std::uint64_t>(now), std::memory_order_relaxed);
  entry->word.store(word, std::memory_order_release);
  segment_.header().subscription_epoch.fetch_add(1, std::memory_order_seq_cst);
  return {};
}

/// From when on events of a topic are wanted: the oldest subscription that matches it.
std::int64_t ClientEvents::wanted_since(Symbol topic) {
  const std::uint32_t index = static_cast<std::uint32_t>(topic) - kFirstSymbol;
  if (index >= wanted_.size()) return kNotWanted;
  std::int64_t& since = wanted_[index];
  if (since != kUnknown) return since;
  const std::string_view text = symbols_.text(topic);
  if (text.empty()) return kNotWanted;  // nobody made this symbol, so far
  since = kNotWanted;
  for (const Pattern& pattern : patterns_) {
    if (matches(pattern.text, text)) since = std::min(since, pattern.since_ns);
  }
  return since;
}

// ---- events ----------------------------------------------------------------------------------

bool ClientEvents::has_more() {
  return std::any_of(logs_.begin(), logs_.end(),
                     [](EventLogReader& log) { return log.has_more(); });
}

std::size_t ClientEvents::poll(const Handler& handler, std::size_t limit) {
  std::size_t count = 0;
  for (std::size_t step = 0; step < logs_.size() && count < limit; ++step) {
    const std::size_t log = next_log_;
    next_log_ = (next_log_ + 1) % logs_.size();
    count += poll_log(logs_[log], handler, limit - count);
  }
  return count;
}

std::size_t ClientEvents::poll_log(EventLogReader& log, const Handler& handler, std::size_t limit) {
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
    const bool taken = take(log, record, event);
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

/// Goes behind a record. True if it is wanted: then `event` views a whole copy of it.
bool ClientEvents::take(EventLogReader& log, const Record& record, EventView& event) {
  const std::optional<Received> message = parse(record);
  const bool is_event = message && message->kind == Kind::event;
  const bool is_wanted =
      is_event && wanted_since(message->header.symbol) <= message->header.sent_ns;
  if (is_wanted) copy_.assign(message->payload.begin(), message->payload.end());
  std::atomic_thread_fence(std::memory_order_acquire);  // INTENT: the copy, then the eviction
  if (log.is_evicted()) return false;
  const std::uint64_t expected = log.sequence();
  // Every event takes more than one byte, so no number is above its position: that would be damage.
  const bool is_numbered = is_event && message->header.id <= record.position;
  const std::uint64_t sequence = is_numbered ? message->header.id : expected;
  count_missed(log.missed_before(sequence));
  log.advance(record.end, sequence == kNotReading ? kNotReading : sequence + 1);
  if (!is_wanted) return false;
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

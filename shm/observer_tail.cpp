// The observer's tail: the events of every endpoint's log, read without a cursor, so that nobody
// waits for us. A few events of one log, then of the next: a busy endpoint hides no other.
#include "shm/clock.hpp"
#include "shm/observer_impl.hpp"
#include "shm/past_events.hpp"
#include "shm/topics.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>

namespace mabeam {
namespace {

using shm::EventLogObserver;
using Handler = std::function<void(const HistoryEvent&)>;

constexpr std::uint32_t kBatch = 64;

/// One log during one call of tail(). The call ends even if the log's writer never does: no more
/// than one log's length is read.
struct Share {
  EventLogObserver* log = nullptr;
  std::uint32_t endpoint = 0;
  std::uint64_t bytes_left = 0;
  bool is_over = false;
};

/// What one call of tail() hands out.
class TailReading {
 public:
  TailReading(const shm::Symbols& symbols, std::string_view pattern, std::int64_t from_ns,
              const Handler& handler)
      : symbols_(symbols),
        pattern_(pattern),
        from_ns_(from_ns),
        handler_(handler) {}

  /// Reads a batch of one log.
  void read(Share& share) {
    for (std::uint32_t i = 0; i < kBatch && !share.is_over; ++i) {
      shm::RecordHeader header{};
      const Result<bool> found = share.log->next(header, body_);
      if (!found) ++unreadable_;
      const std::uint64_t bytes = shm::record_bytes(body_.size());
      share.is_over = !found || !*found || bytes >= share.bytes_left;
      if (!found || !*found) return;
      share.bytes_left -= std::min(share.bytes_left, bytes);
      take(header, share.endpoint);
    }
  }

  [[nodiscard]] std::size_t handed_out() const { return handed_out_; }

  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

  [[nodiscard]] bool has_read() const { return has_read_; }

 private:
  void take(const shm::RecordHeader& header, std::uint32_t log) {
    has_read_ = true;
    shm::PastEvent event;
    if (!shm::read_past_event(symbols_, header, body_, event)) {
      ++unreadable_;
      return;
    }
    if (event.emitted_ns < from_ns_ || !shm::matches(pattern_, event.topic)) return;
    shm::fill_history_event(event_, event, log);
    ++handed_out_;
    handler_(event_);
  }

  shm::Symbols symbols_;
  std::string_view pattern_;
  std::int64_t from_ns_;
  const Handler& handler_;
  std::vector<std::byte> body_;
  HistoryEvent event_;
  std::size_t handed_out_ = 0;
  std::uint64_t unreadable_ = 0;
  bool has_read_ = false;
};

}  // namespace

void Observer::start_tail(std::chrono::nanoseconds since) {
  const shm::Segment& segment = impl_->segment;
  const bool wants_past = since.count() > 0;
  impl_->tail_from_ns = wants_past ? shm::monotonic_ns() - since.count() : 0;
  impl_->logs.clear();
  for (std::uint32_t endpoint = 0; endpoint < segment.endpoints(); ++endpoint) {
    const Result<EventLogObserver> log = EventLogObserver::open(
        segment.log(endpoint), segment.endpoints(), segment.blocks(endpoint));
    std::optional<EventLogObserver>& place = impl_->logs.emplace_back();
    if (!log) continue;  // damaged: verify() tells
    place = *log;
    if (wants_past) place->start_at_oldest();
  }
}

Result<std::size_t> Observer::tail(std::string_view pattern, const Handler& handler) {
  if (const Result<> checked = shm::check_pattern(pattern); !checked) {
    return fail(checked.error());
  }
  if (impl_->logs.empty()) start_tail({});
  // Looked at first: what was emitted before the end is still handed out.
  const bool is_removed = impl_->segment.state() == RuntimeState::removed;
  std::vector<Share> shares;
  for (std::uint32_t endpoint = 0; endpoint < impl_->logs.size(); ++endpoint) {
    std::optional<EventLogObserver>& log = impl_->logs[endpoint];
    if (log) shares.push_back({&*log, endpoint, impl_->segment.dimensions().log_bytes});
  }
  TailReading reading{impl_->segment.symbols(), pattern, impl_->tail_from_ns, handler};
  for (bool more = true; more;) {
    more = false;
    for (Share& share : shares) {
      reading.read(share);
      more = more || !share.is_over;
    }
  }
  impl_->unreadable += reading.unreadable();
  if (is_removed && !reading.has_read()) return fail(Errc::not_running);
  return reading.handed_out();
}

std::uint64_t Observer::tail_missed() const {
  std::uint64_t missed = impl_->unreadable;
  for (const std::optional<EventLogObserver>& log : impl_->logs) {
    if (log) missed += log->missed();
  }
  return missed;
}

}  // namespace mabeam

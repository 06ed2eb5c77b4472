#include "shm/past_events.hpp"

#include "shm/snapshots.hpp"

namespace mabeam::shm {

bool read_past_event(const Symbols& symbols, const RecordHeader& header,
                     const std::vector<std::byte>& body, PastEvent& event) {
  if (!parse({header, body, 0, 0}, event.message)) return false;
  event.symbol = event.message.header.symbol;
  event.topic = symbols.text(event.symbol);
  event.emitted_ns = bounded_time(event.message.header.sent_ns);
  return !event.topic.empty() && event.message.kind == Kind::event;
}

void fill_history_event(HistoryEvent& to, const PastEvent& event, std::uint32_t log) {
  to.topic = event.topic;
  to.payload.assign(event.message.payload.begin(), event.message.payload.end());
  to.content = static_cast<Content>(event.message.header.content);
  to.source = AgentId{event.message.header.source};
  to.sequence = event.message.header.id;
  to.emitted_ns = event.emitted_ns;
  to.log = log;
}

Result<PastEvents> PastEvents::open(const Segment& segment, std::uint32_t endpoint,
                                    std::uint64_t from) {
  const std::span<const std::byte> log = segment.log(endpoint);
  const Result<EventLogObserver> observer =
      EventLogObserver::open(log, segment.endpoints(), segment.blocks(endpoint));
  if (!observer) return fail(observer.error());
  PastEvents past;
  past.symbols_ = segment.symbols();
  past.log_ = *observer;
  past.header_ = reinterpret_cast<const LogHeader*>(log.data());
  past.from_ = from;
  past.next_ = from;
  past.end_ = observer->position();  // it begins at the tail
  past.log_.start_at_oldest();
  return past;
}

bool PastEvents::next(PastEvent& event) {
  RecordHeader header{};
  while (!is_damaged_ && log_.position() < end_) {
    const Result<bool> found = log_.next(header, body_);
    is_damaged_ = !found;
    if (!found || !*found) break;
    const bool is_event = read_past_event(symbols_, header, body_, event);
    const bool has_number =
        body_.size() >= sizeof(MessageHeader) && is_next(event.message.header.id);
    if (has_number) behind_ = event.message.header.id + 1;
    if (has_number && event.message.header.id < from_) continue;
    if (has_number) note_number(event.message.header.id);
    if (has_number && is_event) return true;
    ++unreadable_;
  }
  end_at_the_tail();
  return false;
}

// Every event takes more than one byte, so no number is above its position; and they go up.
bool PastEvents::is_next(std::uint64_t number) const {
  return number <= log_.position() && (kept_ == 0 || number >= next_);
}

void PastEvents::note_number(std::uint64_t number) {
  if (number > next_) gone_ += number - next_;
  next_ = number + 1;
  ++kept_;
}

// Where nothing of it is left, the number at which the reading ended says how much there was: the
// one behind the last event that was seen, wanted or not. What was published meanwhile is not gone:
// it is for who reads on.
void PastEvents::end_at_the_tail() {
  if (kept_ != 0 || is_damaged_ || end_ == 0) return;
  const std::uint64_t number = behind_ != 0 ? behind_ : number_at_the_end();
  if (number <= next_) return;
  gone_ += number - next_;
  next_ = number;
}

// Of a log without any event: its own number, looked at between two equal loads of the tail; if
// that has moved on, the number of the first event behind the end.
std::uint64_t PastEvents::number_at_the_end() {
  for (int tries = 0; tries < kReadTries; ++tries) {
    const std::uint64_t tail = header_->tail.load(std::memory_order_acquire);
    if (tail != end_) break;
    const std::uint64_t number = header_->sequence.load(std::memory_order_acquire);
    if (header_->tail.load(std::memory_order_acquire) == tail) return number;
  }
  RecordHeader header{};
  PastEvent event;
  const Result<bool> found = log_.next(header, body_);
  if (!found || !*found || !parse({header, body_, 0, 0}, event.message)) return 0;
  return is_next(event.message.header.id) ? event.message.header.id : 0;
}

}  // namespace mabeam::shm

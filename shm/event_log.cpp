#include "shm/event_log.hpp"

#include "shm/wire.hpp"

#include <algorithm>
#include <bit>

namespace mabeam::shm {
namespace {

/// The sequence number in an event's header; the writer's own, yet read from the segment.
std::uint64_t sequence_of(const Record& record) {
  const std::optional<Received> message = parse(record);
  return message ? message->header.id : 0;
}

}  // namespace

void create_log(std::span<std::byte> log, std::uint32_t readers) {
  auto* header = reinterpret_cast<LogHeader*>(log.data());
  header->capacity = log.size() - log_bytes_for(readers, 0);
  header->magic = kLogMagic;
  auto* cursors = reinterpret_cast<LogCursor*>(log.data() + sizeof(LogHeader));
  for (std::uint32_t reader = 0; reader < readers; ++reader) {
    cursors[reader].position.store(kNotReading, std::memory_order_relaxed);
  }
}

Result<LogParts> check_log(std::span<std::byte> log, std::uint32_t readers) {
  if (log.size() < log_bytes_for(readers, 0)) return fail(Errc::corrupt);
  LogParts parts;
  parts.header = reinterpret_cast<LogHeader*>(log.data());
  parts.cursors = reinterpret_cast<LogCursor*>(log.data() + sizeof(LogHeader));
  parts.data = log.data() + log_bytes_for(readers, 0);
  parts.readers = readers;
  const std::uint64_t capacity = log.size() - log_bytes_for(readers, 0);
  const LogHeader& header = *parts.header;
  if (header.magic != kLogMagic || header.capacity != capacity || !std::has_single_bit(capacity)) {
    return fail(Errc::corrupt);
  }
  parts.mask = capacity - 1;
  // Both may be moving: a tail that was read between two equal loads of oldest belongs to it.
  std::uint64_t oldest = 0;
  std::uint64_t tail = 0;
  for (int tries = 0; tries < 100; ++tries) {
    oldest = header.oldest.load(std::memory_order_acquire);
    tail = header.tail.load(std::memory_order_acquire);
    if (header.oldest.load(std::memory_order_acquire) == oldest) break;
  }
  // oldest may be ahead of tail - capacity by what a dead writer had claimed, never past tail.
  if (oldest > tail || tail - oldest > capacity || oldest % 8 != 0 || tail % 8 != 0) {
    return fail(Errc::corrupt);
  }
  return parts;
}

Result<bool> read_log_record(const LogParts& log, std::uint64_t position, std::uint64_t tail,
                             Record& record) noexcept {
  const std::uint64_t capacity = log.mask + 1;
  if (position > tail || tail - position > capacity || position % 8 != 0) {
    return fail(Errc::corrupt);
  }
  for (int pads = 0; pads < 2; ++pads) {
    if (position == tail) return false;
    const std::uint64_t offset = position & log.mask;
    const std::byte* at = log.data + offset;
    std::memcpy(&record.header, at, sizeof record.header);
    const std::uint64_t size = record_bytes(record.header.length);
    if (size > tail - position || size > capacity - offset) return fail(Errc::corrupt);
    if (record.header.kind != kPadKind) {
      record.position = position;
      record.end = position + size;
      record.body = {at + sizeof record.header, record.header.length};
      return true;
    }
    position += size;
  }
  return fail(Errc::corrupt);
}

// ---- writer ----------------------------------------------------------------------------------

Result<EventLogWriter> EventLogWriter::open(std::span<std::byte> log, std::uint32_t readers) {
  const Result<LogParts> parts = check_log(log, readers);
  if (!parts) return fail(parts.error());
  EventLogWriter writer;
  writer.log_ = *parts;
  writer.published_ = parts->header->tail.load(std::memory_order_acquire);
  writer.claimed_ = writer.published_;
  writer.oldest_ = parts->header->oldest.load(std::memory_order_acquire);
  writer.walk_history();
  return writer;
}

// The sequence is that of the last whole record, since a client may have died between its stores of
// sequence and tail; without a record (a turn that never committed has claimed them all) it is the
// published one, and 0 where nothing was ever published. Where the history does not parse, bytes
// stand in for numbers: they only grow.
void EventLogWriter::walk_history() noexcept {
  sequence_ = published_ == 0 ? 0 : log_.header->sequence.load(std::memory_order_acquire);
  std::uint64_t position = oldest_;
  Record record;
  for (;;) {
    const Result<bool> found = read_log_record(log_, position, published_, record);
    if (!found) {
      oldest_ = published_;
      sequence_ = published_;
      log_.header->oldest.exchange(oldest_, std::memory_order_acq_rel);
      return;
    }
    if (!*found) return;
    sequence_ = sequence_of(record) + 1;
    position = record.end;
  }
}

std::uint64_t EventLogWriter::position_of(std::uint32_t reader) const noexcept {
  const LogCursor& cursor = log_.cursors[reader];
  const std::uint64_t position = cursor.position.load(std::memory_order_acquire);  // RECLAIM
  if (position == kNotReading) return kNotReading;
  const std::uint64_t seen = cursor.acknowledged.load(std::memory_order_acquire);
  if (log_.header->evicted[reader].load(std::memory_order_relaxed) != seen) return kNotReading;
  return std::min(position, published_);
}

void EventLogWriter::rescan() noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // JOIN: a joiner is seen, or sees our tail
  std::uint64_t lowest = kNotReading;
  for_each_reader(
      [&](std::uint32_t, std::uint64_t position) { lowest = std::min(lowest, position); });
  limit_ = lowest == kNotReading ? published_ + capacity() : lowest + capacity();
  const bool is_held = lowest <= published_ && published_ - lowest <= capacity();  // else damage
  if (is_held) raise_mark(log_.header->high_water, published_ - lowest);
}

Result<std::span<std::byte>> EventLogWriter::claim(std::uint32_t length, std::uint16_t kind,
                                                   std::uint16_t flags) noexcept {
  if (length > max_body()) return fail(Errc::message_too_large);
  const std::uint64_t need = record_bytes(length);
  const std::uint64_t to_end = capacity() - (claimed_ & log_.mask);
  const std::uint64_t pad = need > to_end ? to_end : 0;
  const std::uint64_t end = claimed_ + pad + need;
  if (end > limit_) [[unlikely]] {
    rescan();
    if (end > limit_) return fail(Errc::backpressure);
  }
  if (end > oldest_ + capacity()) [[unlikely]]
    move_oldest(end);
  if (pad != 0) {
    const RecordHeader filler{static_cast<std::uint32_t>(pad - sizeof(RecordHeader)), kPadKind, 0};
    std::memcpy(log_.data + (claimed_ & log_.mask), &filler, sizeof filler);
  }
  std::byte* at = log_.data + ((claimed_ + pad) & log_.mask);
  const RecordHeader record{length, kind, flags};
  std::memcpy(at, &record, sizeof record);
  claimed_ = end;
  ++sequence_;
  return std::span<std::byte>{at + sizeof record, length};
}

// Moves in steps of a sixteenth of the log, so that a claim rarely has to.
void EventLogWriter::move_oldest(std::uint64_t end) noexcept {
  const std::uint64_t wanted = std::min(published_, end - capacity() + capacity() / 16);
  Record record;
  while (oldest_ < wanted) {
    const Result<bool> found = read_log_record(log_, oldest_, published_, record);
    oldest_ = found && *found ? record.end : published_;
  }
  log_.header->oldest.exchange(oldest_, std::memory_order_acq_rel);  // INTENT
}

std::uint32_t EventLogWriter::slowest_reader() const noexcept {
  std::uint32_t slowest = kNobody;
  std::uint64_t lowest = kNotReading;
  for_each_reader([&](std::uint32_t reader, std::uint64_t position) {
    if (position >= lowest) return;
    lowest = position;
    slowest = reader;
  });
  return slowest;
}

void EventLogWriter::evict(std::uint32_t reader) noexcept {
  const std::uint64_t seen = log_.cursors[reader].acknowledged.load(std::memory_order_acquire);
  log_.header->evicted[reader].store(seen + 1, std::memory_order_release);
  rescan();
}

bool EventLogWriter::has_room_for(std::uint64_t bytes) noexcept {
  const std::uint64_t to_end = capacity() - (claimed_ & log_.mask);
  const std::uint64_t pad = bytes > to_end ? std::min(to_end, capacity() / 4) : 0;
  rescan();
  return limit_ >= claimed_ + capacity() || claimed_ + pad + bytes <= limit_;
}

std::uint64_t EventLogWriter::lowest_position() const noexcept {
  std::uint64_t lowest = published_;
  for_each_reader(
      [&](std::uint32_t, std::uint64_t position) { lowest = std::min(lowest, position); });
  return lowest;
}

// ---- reader ----------------------------------------------------------------------------------

Result<EventLogReader> EventLogReader::open(std::span<std::byte> log, std::uint32_t readers,
                                            std::uint32_t reader) {
  if (reader >= readers) return fail(Errc::invalid_argument);
  const Result<LogParts> parts = check_log(log, readers);
  if (!parts) return fail(parts.error());
  EventLogReader result;
  result.log_ = *parts;
  result.reader_ = reader;
  result.reload();
  return result;
}

void EventLogReader::reload() noexcept {
  const LogCursor& mine = cursor();
  position_ = mine.position.load(std::memory_order_relaxed);
  next_slot_ = mine.next_slot.load(std::memory_order_relaxed);
  sequence_ = mine.sequence.load(std::memory_order_relaxed);
  acknowledged_ = mine.acknowledged.load(std::memory_order_relaxed);
  tail_cached_ = position_;
}

// JOIN. The number at the tail is read between two equal loads of the tail. The writer stores it
// first, so it may belong to the next tail already: what is missed after a join is then counted too
// low, never too high.
void EventLogReader::enter() noexcept {
  LogCursor& mine = cursor();
  std::uint64_t tail = log_.header->tail.load(std::memory_order_acquire);
  mine.position.store(tail, std::memory_order_release);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (int tries = 0; tries < 100; ++tries) {
    tail = log_.header->tail.load(std::memory_order_acquire);
    sequence_ = log_.header->sequence.load(std::memory_order_acquire);
    if (log_.header->tail.load(std::memory_order_acquire) == tail) break;
    sequence_ = kNotReading;  // a busy writer: the first event will tell
  }
  mine.next_slot.store(0, std::memory_order_relaxed);
  mine.position.store(tail, std::memory_order_release);
  position_ = tail;
  next_slot_ = 0;
  tail_cached_ = tail;
}

void EventLogReader::join() noexcept {
  acknowledged_ = log_.header->evicted[reader_].load(std::memory_order_acquire);
  cursor().acknowledged.store(acknowledged_, std::memory_order_release);
  enter();
  cursor().sequence.store(sequence_, std::memory_order_relaxed);
}

std::uint64_t EventLogReader::rejoin() noexcept {
  const std::uint64_t evictions = log_.header->evicted[reader_].load(std::memory_order_acquire);
  const std::uint64_t expected = sequence_;
  enter();
  acknowledged_ = evictions;
  cursor().acknowledged.store(evictions, std::memory_order_release);
  // The writer counts us again from here on; what it wrote meanwhile is part of the gap.
  enter();
  const bool is_known = expected != kNotReading && sequence_ != kNotReading && sequence_ > expected;
  counted_ = is_known ? sequence_ - expected : 0;
  if (!is_known) sequence_ = expected;
  return counted_;
}

void EventLogReader::leave() noexcept {
  position_ = kNotReading;
  cursor().position.store(kNotReading, std::memory_order_release);
}

Result<bool> EventLogReader::peek(Record& record) noexcept {
  if (!has_more()) return false;
  return read_log_record(log_, position_, tail_cached_, record);
}

void EventLogReader::release() noexcept {
  LogCursor& mine = cursor();
  mine.sequence.store(sequence_, std::memory_order_relaxed);
  mine.next_slot.store(next_slot_, std::memory_order_relaxed);
  mine.position.store(position_, std::memory_order_release);  // RECLAIM
}

std::uint64_t EventLogReader::skip_all() noexcept {
  const std::uint64_t tail = log_.header->tail.load(std::memory_order_acquire);
  const std::uint64_t given_up = tail - position_;
  position_ = tail;
  tail_cached_ = tail;
  next_slot_ = 0;
  sequence_ = kNotReading;
  return given_up;
}

// ---- observer --------------------------------------------------------------------------------

Result<EventLogObserver> EventLogObserver::open(std::span<const std::byte> log,
                                                std::uint32_t readers,
                                                std::span<const std::byte> arena) {
  // Never written through: LogParts serves writers as well, so it cannot point to const.
  auto* data = const_cast<std::byte*>(log.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  const Result<LogParts> parts = check_log({data, log.size()}, readers);
  if (!parts) return fail(parts.error());
  EventLogObserver observer;
  observer.log_ = *parts;
  observer.arena_ = arena;
  observer.start_at_tail();
  return observer;
}

// The number at the tail is read between two equal loads of the tail, so it belongs to it: what is
// overwritten before the first read is counted, too.
void EventLogObserver::start_at_tail() noexcept {
  expected_ = kNotReading;
  for (int tries = 0; tries < 100; ++tries) {
    position_ = log_.header->tail.load(std::memory_order_acquire);
    const std::uint64_t sequence = log_.header->sequence.load(std::memory_order_acquire);
    if (log_.header->tail.load(std::memory_order_acquire) != position_) continue;
    expected_ = sequence;
    return;
  }
}

void EventLogObserver::start_at_oldest() noexcept {
  position_ = log_.header->oldest.load(std::memory_order_acquire);
}

bool EventLogObserver::is_whole() const noexcept {
  return position_ >= log_.header->oldest.load(std::memory_order_acquire);
}

void EventLogObserver::count_gap(std::uint64_t sequence) noexcept {
  if (expected_ != kNotReading && sequence > expected_) missed_ += sequence - expected_;
  expected_ = sequence + 1;
}

}  // namespace mabeam::shm

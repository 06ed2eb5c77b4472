// Verify: every event log and the shards' dead letters: header, cursors, and the records that are
// left of the past, whose numbers go up by one.
#include "shm/event_log.hpp"
#include "shm/letters.hpp"
#include "shm/snapshots.hpp"
#include "shm/topics.hpp"
#include "shm/verify_pass.hpp"

#include <algorithm>
#include <string>

namespace mabeam::shm {
namespace {

class Log {
 public:
  /// The event log of an endpoint, or a shard's dead letters, which have no readers.
  Log(VerifyPass& pass, std::span<const std::byte> log, std::uint32_t readers, std::uint32_t writer)
      : pass_(pass),
        header_(*reinterpret_cast<const LogHeader*>(log.data())),
        cursors_(reinterpret_cast<const LogCursor*>(log.data() + sizeof(LogHeader)), readers),
        data_(log.subspan(log_bytes_for(readers, 0))),
        writer_(writer),
        where_((is_dead_letters() ? "dead letters of " : "log of ") +
               endpoint_name(pass.segment(), writer)) {}

  /// `turn` is that of the shard that writes the log; null for a client's or the supervisor's,
  /// which store number and tail one after the other.
  void verify(const TurnRegion* turn) {
    pass_.count_bytes(sizeof(LogHeader) + cursors_.size_bytes());
    verify_header();
    for (std::uint32_t reader = 0; reader < cursors_.size(); ++reader)
      verify_cursor(reader);
    verify_records(turn);
  }

 private:
  void expect(bool holds, std::string_view rule, std::uint64_t value) {
    pass_.expect(
        holds, [&] { return where_; }, rule, value);
  }

  [[nodiscard]] bool is_dead_letters() const { return cursors_.empty(); }

  void verify_header() {
    expect(header_.magic == kLogMagic, "its magic is wrong", header_.magic);
    expect(header_.capacity == data_.size(), "its capacity is not the layout's", header_.capacity);
    for (std::size_t reader = cursors_.size(); reader < header_.evicted.size(); ++reader) {
      const std::uint64_t evicted = header_.evicted[reader].load(std::memory_order_relaxed);
      expect(evicted == 0, "it has evicted a reader that does not exist", reader);
    }
  }

  // A reader may stand behind oldest, which is moved in steps, but never a whole buffer behind the
  // tail, unless it was evicted.
  void verify_cursor(std::uint32_t reader) {
    const LogCursor& cursor = cursors_[reader];
    const std::uint64_t position = cursor.position.load(std::memory_order_acquire);
    const std::uint64_t sequence = cursor.sequence.load(std::memory_order_acquire);
    const std::uint64_t number = header_.sequence.load(std::memory_order_acquire);
    const std::uint64_t tail = header_.tail.load(std::memory_order_acquire);
    const std::uint64_t seen = cursor.acknowledged.load(std::memory_order_acquire);
    const std::uint64_t evicted = header_.evicted[reader].load(std::memory_order_acquire);
    const bool is_moving = cursor.position.load(std::memory_order_acquire) != position;
    const auto where = [&] { return where_ + ", reader " + std::to_string(reader); };
    pass_.expect(evicted == seen || evicted == seen + 1, where,
                 "its evictions are neither acknowledged nor one ahead", evicted);
    if (position == kNotReading || is_moving) return;
    const bool is_within = position <= tail && (evicted != seen || tail - position <= data_.size());
    pass_.expect(is_within && position % 8 == 0, where, "its position is not within the log",
                 position);
    pass_.expect(sequence == kNotReading || sequence <= number, where,
                 "it expects a number that nothing has yet", sequence);
    const std::uint64_t slot = cursor.next_slot.load(std::memory_order_acquire);
    pass_.expect(slot <= pass_.segment().dimensions().agents_per_shard, where,
                 "it is to serve an agent slot that does not exist", slot);
  }

  void verify_records(const TurnRegion* turn) {
    const auto before = turn == nullptr ? std::nullopt : settled_turn(*turn);
    std::uint64_t oldest = 0;
    std::uint64_t tail = 0;
    for (int tries = 0; tries < kReadTries; ++tries) {
      oldest = header_.oldest.load(std::memory_order_acquire);
      tail = header_.tail.load(std::memory_order_acquire);
      if (header_.oldest.load(std::memory_order_acquire) == oldest) break;
    }
    const std::uint64_t number = header_.sequence.load(std::memory_order_acquire);
    const bool is_still = before && settled_turn(*turn) == before;
    const bool is_sane =
        oldest <= tail && tail - oldest <= data_.size() && oldest % 8 == 0 && tail % 8 == 0;
    expect(is_sane, "its oldest is not within its room behind its tail", oldest);
    if (!is_sane) return;
    next_ = kNotReading;
    const bool is_whole = walk_records(pass_, where_, {data_, &header_.oldest, oldest, tail},
                                       [&](const WalkedRecord& record) { verify_record(record); });
    if (!is_whole || next_ == kNotReading) return;
    expect(number >= next_, "its next number is behind its last record's", number);
    expect(number == next_ || !is_still, "its next number leaves some out", number);
  }

  void verify_record(const WalkedRecord& record) {
    const auto here = [&] { return at_position(where_, record.position); };
    const MessageHeader& message = record.message;
    pass_.expect(next_ == kNotReading || message.id == next_, here,
                 "its number is not the one behind the last", message.id);
    next_ = message.id + 1;
    if (is_dead_letters()) {
      verify_dead_letter(record);
    } else {
      verify_event(record);
    }
  }

  void verify_event(const WalkedRecord& record) {
    verify_message(pass_, where_, record, writer_);
    const auto here = [&] { return at_position(where_, record.position); };
    pass_.expect(kind_of(record.header.kind) == Kind::event, here, "it is no event",
                 record.header.kind);
    verify_payload(pass_, where_, record, writer_, kLogPath);
    const std::string topic{pass_.segment().symbols().text(record.message.symbol)};
    pass_.expect(check_topic(topic).has_value(), here, "its topic is none",
                 static_cast<std::uint64_t>(record.message.symbol));
  }

  // What it says of itself may be why it died, so only its cover is checked.
  void verify_dead_letter(const WalkedRecord& record) {
    const auto here = [&] { return at_position(where_, record.position); };
    if (record.header.kind == static_cast<std::uint16_t>(Kind::settled)) {
      pass_.expect(record.header.flags == static_cast<std::uint16_t>(LetterFate::replayed) ||
                       record.header.flags == static_cast<std::uint16_t>(LetterFate::dropped),
                   here, "it ends a dead letter in no way", record.header.flags);
      pass_.expect(record.message.correlation < record.message.id, here,
                   "it ends a dead letter that is not before it", record.message.correlation);
      return;
    }
    pass_.expect(record.header.kind == static_cast<std::uint16_t>(Kind::dead_letter) &&
                     record.header.length >= 2 * sizeof(MessageHeader),
                 here, "it is no dead letter", record.header.kind);
    const auto reason = static_cast<std::uint16_t>(reason_of(record.header.flags));
    pass_.expect(reason >= kFirstReason && reason <= kLastReason, here, "it died for no reason",
                 record.header.flags);
  }

  VerifyPass& pass_;
  const LogHeader& header_;
  std::span<const LogCursor> cursors_;
  std::span<const std::byte> data_;
  std::uint32_t writer_;
  std::string where_;
  std::uint64_t next_ = kNotReading;
};

}  // namespace

void verify_logs(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  const std::uint32_t readers = segment.endpoints();
  for (std::uint32_t endpoint = 0; endpoint < segment.endpoints(); ++endpoint) {
    const TurnRegion* turn = segment.is_shard(endpoint) ? &segment.turn(endpoint - 1) : nullptr;
    Log{pass, segment.log(endpoint), readers, endpoint}.verify(turn);
  }
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const std::uint32_t endpoint = Segment::endpoint_of_shard(shard);
    Log{pass, segment.dead_letters(shard), 0, endpoint}.verify(&segment.turn(shard));
  }
}

}  // namespace mabeam::shm

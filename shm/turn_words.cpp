#include "shm/turn_words.hpp"

#include "shm/blocks.hpp"
#include "shm/event_log.hpp"
#include "shm/span_ring.hpp"
#include "shm/spsc_ring.hpp"

namespace mabeam::shm {
namespace {

/// A position may stay, or go forward by no more than its buffer holds.
Result<Word*> forward(Word& word, std::uint64_t value, std::uint64_t capacity) {
  const std::uint64_t now = word.load(std::memory_order_acquire);
  if (value < now || value - now > capacity || value % 8 != 0) return fail(Errc::corrupt);
  return &word;
}

/// A version may stay (it was stored before the crash) or be the next one.
Result<Word*> next_version(Word& word, std::uint64_t value) {
  const std::uint64_t now = word.load(std::memory_order_acquire);
  if (value != now && value != now + 1) return fail(Errc::corrupt);
  return &word;
}

}  // namespace

Result<Word*> SegmentWords::resolve(const RedoEntry& entry) const {
  switch (entry.kind()) {
    case WordKind::agent_version:
    case WordKind::agent_slot:
      return agent_word(entry);
    case WordKind::agent_metadata:
      return metadata_word(entry);
    case WordKind::name:
    case WordKind::subscription:
      return table_word(entry);
    case WordKind::timer:
    case WordKind::timer_due:
      return timer_word(entry);
    case WordKind::shard_record:
      if (entry.index() != 0) return fail(Errc::corrupt);
      return next_version(segment_.turn(shard_).record_version, entry.value);
    case WordKind::log_sequence:
    case WordKind::log_tail:
    case WordKind::dead_sequence:
    case WordKind::dead_tail:
      return log_word(entry);
    case WordKind::ring_tail:
    case WordKind::ring_head:
      return ring_word(entry);
    case WordKind::parking_tail:
    case WordKind::parking_head:
      return parking_word(entry);
    case WordKind::block_tail:
      return block_word(entry);
    case WordKind::cursor_sequence:
    case WordKind::cursor_slot:
    case WordKind::cursor_position:
      return cursor_word(entry);
    case WordKind::span_tail:
      return span_word(entry);
  }
  return fail(Errc::corrupt);
}

Result<Word*> SegmentWords::agent_word(const RedoEntry& entry) const {
  const AgentTable table = segment_.agents(shard_);
  if (entry.index() >= table.size()) return fail(Errc::corrupt);
  AgentRecord& agent = table.record(static_cast<std::uint32_t>(entry.index()));
  if (entry.kind() == WordKind::agent_version) return next_version(agent.version, entry.value);
  const SlotWord now = SlotWord::unpack(agent.slot_word.load(std::memory_order_acquire));
  const SlotWord next = SlotWord::unpack(entry.value);
  const bool is_next = next.generation == now.generation || next.generation == now.generation + 1;
  if (!is_next || next.pack() != entry.value ||
      next.lifecycle > static_cast<std::uint8_t>(kLastLifecycle)) {
    return fail(Errc::corrupt);
  }
  return &agent.slot_word;
}

Result<Word*> SegmentWords::table_word(const RedoEntry& entry) const {
  const AgentTable table = segment_.agents(shard_);
  const auto index = static_cast<std::uint32_t>(entry.index());
  if (entry.kind() == WordKind::name) {
    const auto slot = static_cast<std::uint32_t>(entry.value);
    const bool is_entry =
        entry.value == 0 || entry.value == kTombstone || (slot >= 1 && slot <= table.size());
    if (entry.index() >= table.name_slots() || !is_entry) return fail(Errc::corrupt);
    return &table.name_word(index);
  }
  const SubscriptionTable table_of_subscriptions =
      segment_.subscriptions(Segment::endpoint_of_shard(shard_));
  const bool is_entry =
      entry.value == 0 || SubscriptionWord::unpack(entry.value).slot < table.size();
  if (entry.index() >= table_of_subscriptions.size() || !is_entry) return fail(Errc::corrupt);
  return &table_of_subscriptions[index].word;
}

Result<Word*> SegmentWords::timer_word(const RedoEntry& entry) const {
  const TimerTable timers = segment_.timers(shard_);
  if (entry.index() >= timers.size()) return fail(Errc::corrupt);
  TimerRecord& timer = timers[entry.index()];
  if (entry.kind() == WordKind::timer_due) {
    if (!is_timer_time(entry.value)) return fail(Errc::corrupt);
    return &timer.due_ns;
  }
  const bool is_entry =
      entry.value == 0 || TimerWord::unpack(entry.value).slot < segment_.agents(shard_).size();
  if (!is_entry) return fail(Errc::corrupt);
  return &timer.word;
}

// Every update raises the serial by one.
Result<Word*> SegmentWords::metadata_word(const RedoEntry& entry) const {
  const AgentTable table = segment_.agents(shard_);
  if (entry.index() >= table.size()) return fail(Errc::corrupt);
  Word& word = table.profile(static_cast<std::uint32_t>(entry.index())).metadata;
  const std::uint64_t now = word.load(std::memory_order_acquire);
  const MetadataWord next = MetadataWord::unpack(entry.value);
  const bool is_next = next.serial == MetadataWord::unpack(now).serial + 1;
  const bool is_record =
      next.record == MetadataWord::kNone || next.record < segment_.metadata(shard_).size();
  if ((entry.value != now && !is_next) || !is_record) return fail(Errc::corrupt);
  return &word;
}

Result<Word*> SegmentWords::log_word(const RedoEntry& entry) const {
  if (entry.index() != 0) return fail(Errc::corrupt);
  const bool is_dead =
      entry.kind() == WordKind::dead_tail || entry.kind() == WordKind::dead_sequence;
  const std::span<std::byte> log =
      is_dead ? segment_.dead_letters(shard_) : segment_.log(Segment::endpoint_of_shard(shard_));
  auto* header = reinterpret_cast<LogHeader*>(log.data());
  const Dimensions& d = segment_.dimensions();
  if (entry.kind() == WordKind::log_tail || entry.kind() == WordKind::dead_tail) {
    return forward(header->tail, entry.value, is_dead ? d.dead_letter_bytes : d.log_bytes);
  }
  if (entry.value < header->sequence.load(std::memory_order_acquire)) return fail(Errc::corrupt);
  return &header->sequence;
}

Result<Word*> SegmentWords::ring_word(const RedoEntry& entry) const {
  const auto other = static_cast<std::uint32_t>(entry.index() / 4);
  const std::uint64_t priority = entry.index() % 4;
  if (entry.index() / 4 >= segment_.endpoints() || priority >= kPriorities) {
    return fail(Errc::corrupt);
  }
  const bool is_tail = entry.kind() == WordKind::ring_tail;
  const std::uint32_t self = Segment::endpoint_of_shard(shard_);
  const std::span<std::byte> ring = segment_.ring(is_tail ? self : other, is_tail ? other : self,
                                                  static_cast<Priority>(priority));
  if (ring.empty()) return fail(Errc::corrupt);
  auto* header = reinterpret_cast<RingHeader*>(ring.data());
  // A ring that was given up was left at its tail, whatever that was.
  const std::uint64_t tail = header->tail.load(std::memory_order_acquire);
  if (!is_tail && entry.value == (tail & ~std::uint64_t{7})) return &header->head;
  return forward(is_tail ? header->tail : header->head, entry.value,
                 ring.size() - sizeof(RingHeader));
}

Result<Word*> SegmentWords::parking_word(const RedoEntry& entry) const {
  if (entry.index() != 0) return fail(Errc::corrupt);
  const std::span<std::byte> ring = segment_.parking(shard_);
  auto* header = reinterpret_cast<RingHeader*>(ring.data());
  const bool is_tail = entry.kind() == WordKind::parking_tail;
  return forward(is_tail ? header->tail : header->head, entry.value,
                 ring.size() - sizeof(RingHeader));
}

// It counts spans, of which a turn may leave more than the ring holds.
Result<Word*> SegmentWords::span_word(const RedoEntry& entry) const {
  if (entry.index() != 0) return fail(Errc::corrupt);
  Word& tail = span_tail(segment_.spans(Segment::endpoint_of_shard(shard_)));
  const std::uint64_t now = tail.load(std::memory_order_acquire);
  if (entry.value < now || entry.value - now > kMostSpansOfTurn) return fail(Errc::corrupt);
  return &tail;
}

// What a turn claims may begin a whole buffer further on, where the arena was empty.
Result<Word*> SegmentWords::block_word(const RedoEntry& entry) const {
  const std::span<std::byte> arena = segment_.blocks(Segment::endpoint_of_shard(shard_));
  if (entry.index() != 0 || arena.empty() || entry.value % kLine != 0) return fail(Errc::corrupt);
  auto* header = reinterpret_cast<ArenaHeader*>(arena.data());
  return forward(header->tail, entry.value, 2 * (arena.size() - sizeof(ArenaHeader)));
}

Result<Word*> SegmentWords::cursor_word(const RedoEntry& entry) const {
  if (entry.index() >= segment_.endpoints()) return fail(Errc::corrupt);
  const std::span<std::byte> log = segment_.log(static_cast<std::uint32_t>(entry.index()));
  auto* cursors = reinterpret_cast<LogCursor*>(log.data() + sizeof(LogHeader));
  LogCursor& cursor = cursors[Segment::endpoint_of_shard(shard_)];
  switch (entry.kind()) {
    case WordKind::cursor_position:
      return forward(cursor.position, entry.value, segment_.dimensions().log_bytes);
    case WordKind::cursor_slot:
      if (entry.value > segment_.agents(shard_).size()) return fail(Errc::corrupt);
      return &cursor.next_slot;
    default:
      return &cursor.sequence;
  }
}

}  // namespace mabeam::shm

#include "shm/client_emitter.hpp"

#include "shm/clock.hpp"
#include "shm/doorbell.hpp"
#include "shm/topics.hpp"
#include "shm/wire.hpp"

#include <algorithm>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kMarksPerLog = 64;

}  // namespace

ClientEmitter::ClientEmitter(const Segment& segment, const ClientEndpoint& endpoint,
                             BlockWriter& blocks, ClientTracer& tracer)
    : segment_(segment),
      endpoint_(endpoint),
      blocks_(blocks),
      tracer_(tracer),
      symbols_(segment.symbols()),
      interest_(segment),
      checked_(symbols_.capacity()) {
}

Result<> ClientEmitter::open() {
  const auto log = EventLogWriter::open(segment_.log(endpoint_.index()), segment_.endpoints());
  if (!log) return fail(log.error());
  log_ = *log;
  return blocks_.open(log_);
}

Result<Symbol> ClientEmitter::topic(std::string_view text) {
  const Symbol known = symbols_.find(text);
  if (known != Symbol::none && is_topic(known)) return known;
  if (const Result<> checked = check_topic(text); !checked) return fail(checked.error());
  return symbols_.intern(text);
}

bool ClientEmitter::is_topic(Symbol topic) {
  const std::uint32_t index = static_cast<std::uint32_t>(topic) - kFirstSymbol;
  if (index >= checked_.size()) return false;
  if (!checked_[index]) checked_[index] = check_topic(symbols_.text(topic)).has_value();
  return checked_[index];
}

Result<> ClientEmitter::try_emit(Symbol topic, const PayloadRef& payload) {
  const Result<> claimed = claim(topic, payload);
  if (claimed) publish();
  return claimed;
}

Result<> ClientEmitter::claim(Symbol topic, const PayloadRef& payload) {
  if (!is_topic(topic)) return fail(Errc::bad_topic);
  const std::span<const std::byte> bytes = payload.bytes();
  const Room needed = room_of(bytes.size());
  MessageHeader header;
  header.symbol = topic;
  header.content = static_cast<std::uint32_t>(payload.content());
  header.source = endpoint_.id().value();
  header.id = log_.sequence();
  header.sent_ns = monotonic_ns();
  std::optional<TraceContext> trace = tracer_.try_begin();
  const Result<> written =
      needed.blocks == 0 ? write(header, trace, bytes) : write_with_block(header, trace, bytes);
  if (!written) {
    if (written.error().code == Errc::backpressure) (void)make_room(needed);
    return written;
  }
  tracer_.claim(ClientTracer::kLog, Kind::event, header, trace);
  claimed_.push_back(topic);
  return {};
}

// An event for which its context is too much goes without: tracing refuses nothing.
Result<> ClientEmitter::write(const MessageHeader& header, std::optional<TraceContext>& trace,
                              std::span<const std::byte> payload) {
  const std::size_t plain = sizeof header + payload.size();
  if (trace && plain + sizeof *trace > log_.max_body()) trace.reset();
  const auto room = log_.claim(static_cast<std::uint32_t>(plain + (trace ? sizeof *trace : 0)),
                               record_kind(Kind::event, trace.has_value()));
  if (!room) return fail(room.error());
  compose(*room, header, trace ? &*trace : nullptr, payload);
  return {};
}

// The record is claimed first, since the block says where it ends.
Result<> ClientEmitter::write_with_block(const MessageHeader& header,
                                         const std::optional<TraceContext>& trace,
                                         std::span<const std::byte> payload) {
  const std::uint64_t before = log_.claimed();
  const auto length =
      static_cast<std::uint32_t>(sizeof header + (trace ? sizeof *trace : 0) + sizeof(BlockHandle));
  const auto room = log_.claim(length, record_kind(Kind::event, trace.has_value(), true));
  if (!room) return fail(room.error());
  const Result<BlockHandle> handle = blocks_.write(payload, {kLogPath, log_.claimed()});
  if (!handle) {
    log_.rewind(before, header.id);
    return fail(handle.error());
  }
  compose(*room, header, trace ? &*trace : nullptr, std::as_bytes(std::span{&*handle, 1}));
  return {};
}

Room ClientEmitter::room_of(std::size_t payload_bytes) const {
  const bool in_block = sizeof(MessageHeader) + payload_bytes > log_.max_body();
  Room room = in_block ? Room::with_block(payload_bytes) : Room::without_block(payload_bytes);
  room.records += tracer_.certain_bytes();
  return room;
}

void ClientEmitter::discard() {
  log_.rewind(log_.published(), log_.sequence() - claimed_.size());
  claimed_.clear();
  blocks_.discard();
  tracer_.discard(ClientTracer::kLog);
}

void ClientEmitter::publish() {
  if (claimed_.empty()) return;
  blocks_.publish();
  log_.publish();
  tracer_.publish();
  full_fence();
  full_since_ns_ = 0;
  accepted_ += claimed_.size();
  endpoint_.count_published(claimed_.size());
  EndpointSet woken;
  std::uint64_t pending = 0;
  for (const Symbol topic : claimed_) {
    const EndpointSet& readers = interest_.of(topic);
    if (readers.empty()) continue;
    for (std::size_t i = 0; i < readers.words.size(); ++i)
      woken.words[i] |= readers.words[i];
    const bool is_missed = !evicted_.empty() && misses_some(readers);
    ++(is_missed ? missed_ : pending);
  }
  claimed_.clear();
  woken.for_each([this](std::uint32_t reader) {
    interested_.insert(reader);
    segment_.announce(endpoint_.index(), reader);
  });
  if (pending != 0) note_pending(pending);
  // The limit is a cached one; look again before anybody is woken for nothing.
  if (log_.is_half_full() && log_.has_room(0) && log_.is_half_full()) ring_readers_behind_half();
}

void ClientEmitter::note_pending(std::uint64_t events) {
  pending_ += events;
  const std::uint64_t end = log_.published();
  const std::uint64_t step = log_.capacity() / kMarksPerLog;
  if (!marks_.empty() && end / step == marks_.back().end / step) {
    marks_.back() = {end, marks_.back().events + events};
    return;
  }
  marks_.push_back({end, events});
  // What lies a whole log back has been passed, or its reader was evicted and it was missed.
  while (marks_.front().end + log_.capacity() < end)
    settle_first_mark();
}

// Those that have come back since are forgotten.
bool ClientEmitter::misses_some(const EndpointSet& readers) {
  bool found = false;
  EndpointSet still;
  evicted_.for_each([&](std::uint32_t reader) {
    if (!log_.is_evicted(reader)) return;
    still.insert(reader);
    found = found || readers.contains(reader);
  });
  evicted_ = still;
  return found;
}

void ClientEmitter::settle_first_mark() {
  delivered_ += marks_.front().events;
  pending_ -= marks_.front().events;
  marks_.pop_front();
}

// ---- waiting for room ------------------------------------------------------------------------

void ClientEmitter::ring_readers_behind_half() const {
  const std::uint64_t half = log_.capacity() / 2;
  log_.for_each_reader([&](std::uint32_t reader, std::uint64_t position) {
    if (log_.claimed() - position >= half) segment_.announce(endpoint_.index(), reader);
  });
}

bool ClientEmitter::has_room_for(const Room& room) {
  return log_.has_room_for(room.records) &&
         (room.blocks == 0 || blocks_.make_room_for(room.blocks));
}

// A block that a message holds is no fault of the log's readers.
bool ClientEmitter::make_room(const Room& room) {
  if (has_room_for(room)) return true;
  if (log_.has_room_for(room.records)) {
    hurry_blocks();
  } else {
    check_stall();
  }
  return has_room_for(room);
}

void ClientEmitter::hurry_blocks() {
  if (blocks_.is_held_by_log()) check_stall();
}

void ClientEmitter::check_stall() {
  const std::uint32_t slowest = log_.slowest_reader();
  if (slowest == EventLogWriter::kNobody) return;
  const std::uint64_t lowest = log_.lowest_position();
  const std::int64_t now = monotonic_ns();
  if (full_since_ns_ == 0 || lowest != lowest_when_full_) {
    full_since_ns_ = now;  // progress starts the patience anew
    lowest_when_full_ = lowest;
    ring_readers_behind_half();
    return;
  }
  const std::uint64_t patience =
      segment_.header().tunables.stall_timeout_ns.load(std::memory_order_relaxed);
  if (static_cast<std::uint64_t>(now - full_since_ns_) < patience) return;
  full_since_ns_ = 0;
  evict(slowest);
}

void ClientEmitter::evict(std::uint32_t reader) {
  (void)status();
  log_.evict(reader);
  evicted_.insert(reader);
  if (!interested_.contains(reader)) return;
  missed_ += pending_;
  pending_ = 0;
  marks_.clear();
  interested_.clear();
}

bool ClientEmitter::is_held_by_itself() const {
  return log_.slowest_reader() == endpoint_.index() && !log_.is_passed(log_.published());
}

// ---- what was delivered ----------------------------------------------------------------------

std::uint64_t ClientEmitter::lowest_interested() const {
  std::uint64_t lowest = log_.published();
  log_.for_each_reader([&](std::uint32_t reader, std::uint64_t position) {
    if (interested_.contains(reader)) lowest = std::min(lowest, position);
  });
  return lowest;
}

bool ClientEmitter::is_delivered() const {
  return marks_.empty() || lowest_interested() >= marks_.back().end;
}

DeliveryStatus ClientEmitter::status() {
  const std::uint64_t lowest = lowest_interested();
  while (!marks_.empty() && marks_.front().end <= lowest)
    settle_first_mark();
  if (marks_.empty()) interested_.clear();
  return {accepted_, delivered_, pending_, missed_};
}

void ClientEmitter::ring_readers_behind() const {
  full_fence();
  log_.for_each_reader([&](std::uint32_t reader, std::uint64_t position) {
    if (position < log_.published() && interested_.contains(reader)) {
      segment_.announce(endpoint_.index(), reader);
    }
  });
}

}  // namespace mabeam::shm

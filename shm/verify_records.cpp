// Verify: the records of rings and logs: how they follow each other, and what messages have in
// common.
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <algorithm>
#include <cstring>

namespace mabeam::shm {
namespace {

constexpr std::uint32_t kLastContent = static_cast<std::uint32_t>(Content::f64);

}  // namespace

std::string at_position(const std::string& where, std::uint64_t position) {
  return where + ", position " + std::to_string(position);
}

bool walk_records(VerifyPass& pass, const std::string& where, const RecordSpan& span,
                  const std::function<void(const WalkedRecord&)>& visit) {
  const std::uint64_t capacity = span.data.size();
  bool was_pad = false;
  WalkedRecord record;
  for (std::uint64_t position = span.from; position != span.to;) {
    const std::uint64_t offset = position & (capacity - 1);
    std::memcpy(&record.header, span.data.data() + offset, sizeof record.header);
    const std::uint64_t size = record_bytes(record.header.length);
    const bool fits = size <= span.to - position && size <= capacity - offset;
    const bool is_pad = record.header.kind == kPadKind;
    const bool is_message = record.header.length >= sizeof(MessageHeader);
    if (fits && is_message) {
      const std::byte* body = span.data.data() + offset + sizeof record.header;
      std::memcpy(&record.message, body, sizeof record.message);
      record.handle = {};
      const std::size_t before =
          sizeof record.message + ((record.header.kind & kTraced) != 0 ? sizeof(TraceContext) : 0);
      if (record.header.length == before + sizeof record.handle) {
        std::memcpy(&record.handle, body + before, sizeof record.handle);
      }
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    if (span.floor->load(std::memory_order_relaxed) > position) return false;
    const auto here = [&] { return at_position(where, position); };
    pass.expect(fits, here, "a record passes the end", record.header.length);
    if (!fits) return false;
    pass.count_bytes(size);
    if (is_pad) {
      pass.expect(!was_pad && size == capacity - offset, here, "a pad is not at the buffer's end",
                  size);
    } else if (!is_message || size > capacity / 4) {
      pass.find(here(), "a record is shorter than a message, or over a quarter of the buffer",
                record.header.length);
    } else {
      pass.count_record();
      record.position = position;
      record.end = position + size;
      visit(record);
    }
    was_pad = is_pad;
    position += size;
  }
  return true;
}

void verify_payload(VerifyPass& pass, const std::string& where, const WalkedRecord& record,
                    std::uint32_t writer, std::uint32_t path) {
  if ((record.header.kind & kInBlock) == 0) return;
  const auto here = [&] { return at_position(where, record.position); };
  const auto arena = pass.segment().blocks(writer);
  const bool is_there = may_lie_in_block(kind_of(record.header.kind)) &&
                        find_block(arena, record.handle, {path, record.end}).has_value();
  pass.expect(is_there, here, "its payload is in no block of its writer's", record.handle.position);
}

void verify_message(VerifyPass& pass, const std::string& where, const WalkedRecord& record,
                    std::uint32_t writer) {
  const Segment& segment = pass.segment();
  const MessageHeader& message = record.message;
  const auto here = [&] { return at_position(where, record.position); };
  pass.expect((record.header.kind & kTraced) == 0 ||
                  record.header.length >= sizeof(MessageHeader) + sizeof(TraceContext),
              here, "it is too short for its trace", record.header.length);
  const auto source = static_cast<std::uint32_t>(AgentId{message.source}.endpoint());
  pass.expect(source == writer, here, "its source is not of the endpoint that wrote it",
              message.source);
  pass.expect(message.content <= kLastContent ||
                  is_known(segment.symbols(), static_cast<Symbol>(message.content)),
              here, "its content is neither known nor a symbol", message.content);
  pass.expect(message.sent_ns == bounded_time(message.sent_ns), here, "it was sent at no time",
              static_cast<std::uint64_t>(message.sent_ns));
  pass.expect(message.deadline_ns == bounded_time(message.deadline_ns), here,
              "its deadline is no time", static_cast<std::uint64_t>(message.deadline_ns));
}

void walk_ring(VerifyPass& pass, const std::string& where, std::span<const std::byte> ring,
               const std::function<void(const WalkedRecord&)>& visit) {
  const auto& header = *reinterpret_cast<const RingHeader*>(ring.data());
  const std::uint64_t capacity = ring.size() - sizeof(RingHeader);
  const auto here = [&] { return where; };
  pass.count_bytes(sizeof(RingHeader));
  pass.expect(header.magic == kRingMagic, here, "its magic is wrong", header.magic);
  pass.expect(header.capacity == capacity, here, "its capacity is not the layout's",
              header.capacity);
  const std::optional<RingPositions> at = snapshot_positions(ring);
  if (!at) return;  // moves all the time: it works
  const bool is_sane = at->head <= at->tail && at->tail - at->head <= capacity &&
                       at->head % 8 == 0 && at->tail % 8 == 0;
  pass.expect(is_sane, here, "its head is not within its room behind its tail", at->head);
  if (!is_sane) return;
  walk_records(pass, where, {ring.subspan(sizeof(RingHeader)), &header.head, at->head, at->tail},
               visit);
}

}  // namespace mabeam::shm

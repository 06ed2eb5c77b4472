#include "shm/span_ring.hpp"

#include <algorithm>
#include <bit>

namespace mabeam::shm {
namespace {

using SpanBits = std::array<std::uint64_t, kSpanWords>;

std::uint64_t records_in(std::size_t ring_bytes) {
  return (ring_bytes - sizeof(SpanRingHeader)) / sizeof(SpanRecord);
}

bool is_sound(const SpanRingHeader& header, std::size_t ring_bytes) {
  return header.magic == kSpanMagic && header.capacity == records_in(ring_bytes) &&
         std::has_single_bit(header.capacity);
}

/// False if it is not that one any more, or not yet.
bool read_span(const SpanRecord& record, std::uint64_t position, Span& span) noexcept {
  if (record.sequence.load(std::memory_order_acquire) != position + 1) return false;  // SEAL
  SpanBits bits{};
  for (std::size_t i = 0; i < kSpanWords; ++i)
    bits[i] = record.words[i].load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  span = std::bit_cast<Span>(bits);
  return record.sequence.load(std::memory_order_relaxed) == position + 1;
}

/// Of a record that is not the one of its position: it is being written, or has been overwritten by
/// what is not published yet.
bool may_be_newer(std::uint64_t sequence, std::uint64_t position, std::uint64_t published,
                  std::uint64_t capacity) noexcept {
  if (sequence == 0) return true;
  return sequence > position + 1 && (sequence - position - 1) % capacity == 0 &&
         sequence <= published + kMostSpansOfTurn;
}

}  // namespace

void create_span_ring(std::span<std::byte> ring) {
  auto& header = *reinterpret_cast<SpanRingHeader*>(ring.data());
  header.capacity = records_in(ring.size());
  header.magic = kSpanMagic;
}

Word& span_tail(std::span<std::byte> ring) noexcept {
  return reinterpret_cast<SpanRingHeader*>(ring.data())->tail;
}

Result<SpanWriter> SpanWriter::open(std::span<std::byte> ring) {
  auto* header = reinterpret_cast<SpanRingHeader*>(ring.data());
  if (!is_sound(*header, ring.size())) return fail(Errc::corrupt);
  SpanWriter writer;
  writer.header_ = header;
  writer.records_ = reinterpret_cast<SpanRecord*>(ring.data() + sizeof(SpanRingHeader));
  writer.mask_ = records_in(ring.size()) - 1;
  writer.claimed_ = writer.published_ = header->tail.load(std::memory_order_acquire);
  return writer;
}

void SpanWriter::claim(const Span& span) noexcept {
  if (claimed_ - published_ >= kMostSpansOfTurn) return;
  SpanRecord& record = records_[claimed_ & mask_];
  record.sequence.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  const auto bits = std::bit_cast<SpanBits>(span);
  for (std::size_t i = 0; i < kSpanWords; ++i)
    record.words[i].store(bits[i], std::memory_order_relaxed);
  record.sequence.store(++claimed_, std::memory_order_release);  // SEAL
}

void SpanWriter::publish() noexcept {
  header_->tail.store(claimed_, std::memory_order_release);  // PUBLISH
  published_ = claimed_;
}

Result<SpansLeft> read_spans(std::span<const std::byte> ring) {
  const auto& header = *reinterpret_cast<const SpanRingHeader*>(ring.data());
  if (!is_sound(header, ring.size())) return fail(Errc::corrupt);
  const auto* records = reinterpret_cast<const SpanRecord*>(ring.data() + sizeof(SpanRingHeader));
  const std::uint64_t capacity = records_in(ring.size());
  SpansLeft left;
  left.published = header.tail.load(std::memory_order_acquire);  // PUBLISH
  const std::uint64_t count = std::min(left.published, capacity);
  left.spans.reserve(count);
  Span span;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t position = left.published - count + i;
    const SpanRecord& record = records[position & (capacity - 1)];
    if (read_span(record, position, span)) {
      left.spans.push_back(span);
    } else if (!may_be_newer(record.sequence.load(std::memory_order_relaxed), position,
                             left.published, capacity)) {
      ++left.damaged;
    }
  }
  return left;
}

}  // namespace mabeam::shm

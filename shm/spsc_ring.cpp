#include "shm/spsc_ring.hpp"

#include <bit>

namespace mabeam::shm {
namespace {

/// What does not change in a ring's header, before either end trusts it.
Result<std::uint64_t> check_capacity(std::span<std::byte> ring) {
  if (ring.size() < sizeof(RingHeader)) return fail(Errc::corrupt);
  const auto* header = reinterpret_cast<const RingHeader*>(ring.data());
  const std::uint64_t capacity = ring.size() - sizeof(RingHeader);
  if (header->magic != kRingMagic || header->capacity != capacity ||
      !std::has_single_bit(capacity)) {
    return fail(Errc::corrupt);
  }
  return capacity;
}

/// What the producer writes by. The consumer looks at positions again whenever it reads.
bool has_sane_positions(const RingHeader& header) {
  const std::uint64_t head = header.head.load(std::memory_order_acquire);
  const std::uint64_t tail = header.tail.load(std::memory_order_acquire);
  return head <= tail && tail - head <= header.capacity && head % 8 == 0 && tail % 8 == 0;
}

}  // namespace

void create_ring(std::span<std::byte> ring) {
  auto* header = reinterpret_cast<RingHeader*>(ring.data());
  header->capacity = ring.size() - sizeof(RingHeader);
  header->magic = kRingMagic;
}

Result<RingProducer> RingProducer::open(std::span<std::byte> ring) {
  const Result<std::uint64_t> capacity = check_capacity(ring);
  if (!capacity) return fail(capacity.error());
  RingProducer producer;
  producer.header_ = reinterpret_cast<RingHeader*>(ring.data());
  if (!has_sane_positions(*producer.header_)) return fail(Errc::corrupt);
  producer.data_ = ring.data() + sizeof(RingHeader);
  producer.mask_ = *capacity - 1;
  producer.published_ = producer.header_->tail.load(std::memory_order_acquire);
  producer.claimed_ = producer.published_;
  producer.head_cached_ = producer.header_->head.load(std::memory_order_acquire);  // RECLAIM
  return producer;
}

Result<std::span<std::byte>> RingProducer::claim_slowly(std::uint32_t length, std::uint16_t kind,
                                                        std::uint16_t flags) noexcept {
  if (length > max_body()) return fail(Errc::message_too_large);
  const std::uint64_t need = record_bytes(length);
  const std::uint64_t to_end = capacity() - (claimed_ & mask_);
  const std::uint64_t pad = need > to_end ? to_end : 0;
  if (claimed_ + pad + need - head_cached_ > capacity()) {
    reload_head();
    if (claimed_ + pad + need - head_cached_ > capacity()) return fail(Errc::backpressure);
  }
  if (pad != 0) {
    const RecordHeader filler{static_cast<std::uint32_t>(pad - sizeof(RecordHeader)), kPadKind, 0};
    std::memcpy(data_ + (claimed_ & mask_), &filler, sizeof filler);
    claimed_ += pad;
  }
  return std::span<std::byte>{write_header(length, kind, flags, need), length};
}

bool RingProducer::has_room_for(std::uint64_t bytes) noexcept {
  const std::uint64_t to_end = capacity() - (claimed_ & mask_);
  const std::uint64_t pad = bytes > to_end ? std::min(to_end, capacity() / 4) : 0;
  const std::uint64_t before = used();
  return before == 0 || before + pad + bytes <= capacity();
}

std::uint64_t RingProducer::used() noexcept {
  reload_head();
  return claimed_ - head_cached_;
}

// What is claimed may be forgotten again, so the mark is of what was published.
void RingProducer::reload_head() noexcept {
  const std::uint64_t head = header_->head.load(std::memory_order_acquire);  // RECLAIM
  // A head that went back or passed the tail is damage; the last good one stays in force.
  if (head >= head_cached_ && head <= published_) head_cached_ = head;
  raise_mark(header_->high_water, published_ - head_cached_);
}

Result<RingConsumer> RingConsumer::open(std::span<std::byte> ring) {
  const Result<std::uint64_t> capacity = check_capacity(ring);
  if (!capacity) return fail(capacity.error());
  RingConsumer consumer;
  consumer.header_ = reinterpret_cast<RingHeader*>(ring.data());
  consumer.data_ = ring.data() + sizeof(RingHeader);
  consumer.mask_ = *capacity - 1;
  consumer.position_ = consumer.header_->head.load(std::memory_order_acquire) & ~kOffGrid;
  consumer.tail_cached_ = consumer.position_;
  return consumer;
}

RingConsumer::Look RingConsumer::look_slowly(Record& record) noexcept {
  if (tail_cached_ < position_ || tail_cached_ - position_ > mask_ + 1) return Look::corrupt;
  for (int pads = 0; pads < 2; ++pads) {
    if (position_ == tail_cached_ && !refresh()) return Look::empty;
    const std::uint64_t offset = position_ & mask_;
    std::memcpy(&record.header, data_ + offset, sizeof record.header);
    const std::uint64_t size = record_bytes(record.header.length);
    if (size > tail_cached_ - position_ || size > mask_ + 1 - offset) return Look::corrupt;
    if (record.header.kind != kPadKind) {
      record.position = position_;
      record.end = position_ + size;
      record.body = {data_ + offset + sizeof record.header, record.header.length};
      return Look::found;
    }
    position_ += size;
  }
  return Look::corrupt;  // two pads in a row: no producer writes that
}

std::uint64_t RingConsumer::skip_all() noexcept {
  refresh();
  const std::uint64_t given_up = tail_cached_ - position_;
  position_ = tail_cached_;
  return given_up;
}

}  // namespace mabeam::shm

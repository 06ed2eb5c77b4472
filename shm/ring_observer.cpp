#include "shm/ring_observer.hpp"

#include <atomic>

namespace mabeam::shm {

// The tail is loaded between two looks at the head: it is not before the first, nor a whole ring
// beyond the second.
Result<RingObserver> RingObserver::open(std::span<std::byte> ring) noexcept {
  const Result<RingConsumer> consumer = RingConsumer::open(ring);
  if (!consumer) return fail(consumer.error());
  RingObserver observer{*consumer};
  (void)observer.ring_.refresh();
  observer.end_ = observer.ring_.published();
  const std::uint64_t head = observer.ring_.position();
  if (observer.end_ < head) return fail(Errc::corrupt);
  observer.catch_up(head);
  const std::uint64_t capacity = ring.size() - sizeof(RingHeader);
  const std::uint64_t position = observer.ring_.position();
  if (position < observer.end_ && observer.end_ - position > capacity) return fail(Errc::corrupt);
  return observer;
}

bool RingObserver::next(Record& record) noexcept {
  while (ring_.position() < end_) {
    at_ = ring_.position();
    const RingConsumer::Look seen = ring_.look(record);
    if (seen == RingConsumer::Look::found) return true;
    if (seen == RingConsumer::Look::empty) return false;
    if (!catch_up(at_)) {
      is_damaged_ = true;
      return false;
    }
  }
  return false;
}

bool RingObserver::confirm(const Record& record) noexcept {
  if (catch_up(at_)) return false;
  ring_.advance(record.end);
  return true;
}

bool RingObserver::catch_up(std::uint64_t position) noexcept {
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t head = ring_.head_word().load(std::memory_order_acquire) & ~std::uint64_t{7};
  if (head <= position) return false;
  ring_.advance(head);
  return true;
}

}  // namespace mabeam::shm

// SealedSlots: fixed-size records that several processes write, overwriting the oldest, and anybody
// reads; the last of each kind of fact is there after everybody has died.
//
// Layout (offsets in bytes from the region's start, 128-byte aligned)
//
//      0 +----------------------------------------------------------------+
//        | next: u64     records ever begun              fetch_add: anyone|
//    128 +----------------------------------------------------------------+
//        | slots of Bytes bytes; record n lies at n % count:              |
//        |   number: u64     n + 1; 0 while it is being written           |
//        |   checksum: u64   of the number and the words                  |
//        |   words                                                        |
//        +----------------------------------------------------------------+
//
// Invariants
//   (1) Nobody waits for anybody. A writer that dies in the middle leaves a slot whose number is 0:
//       one record less, until the slot's turn comes again.
//   (2) A record counts only if its number belongs to its slot and the checksum holds. So does not
//       one that a writer, stopped in the middle while all the others went round once, has mixed
//       with a newer one: both are lost then, and nothing else.
//   (3) Zeroed memory is an empty region.
//
// Ordering
//   SEAL     number (release) after the words -> a reader (acquire), which looks at it before and
//            after it has copied them, as at any sequence lock.
//
// Why one ring for all writers, and not one each: facts are rare, and their order among processes
// is what a reader of them wants. Writing calls nothing but the kernel's atomics: it may be done in
// a signal handler.
#pragma once

#include "shm/words.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mabeam::shm {

/// The hash of a record's number and words.
inline std::uint64_t sealed_checksum(std::uint64_t number,
                                     std::span<const std::uint64_t> words) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325 ^ number;
  for (const std::uint64_t word : words) {
    hash = (hash ^ word) * 0x100000001B3;
    hash ^= hash >> 29U;
  }
  return hash;
}

/// What was found in a region.
struct SealedCount {
  std::uint64_t begun = 0;    ///< ever, as the region says
  std::uint64_t torn = 0;     ///< whose writer died, or is at work
  std::uint64_t damaged = 0;  ///< whose number or checksum cannot be
};

template <std::size_t Bytes>
class SealedSlots {
 public:
  static constexpr std::size_t kWords = Bytes / 8 - 2;
  using Record = std::array<std::uint64_t, kWords>;

  struct Slot {
    Word number;
    Word checksum;
    std::array<Word, kWords> words;
  };

  static_assert(sizeof(Slot) == Bytes && Bytes % kLine == 0);

  static constexpr std::uint64_t bytes_for(std::uint64_t slots) {
    return kLinePair + slots * Bytes;
  }

  SealedSlots() = default;

  /// `region` is bytes_for() some slots.
  explicit SealedSlots(std::span<std::byte> region)
      : next_(reinterpret_cast<Word*>(region.data())),
        slots_(reinterpret_cast<Slot*>(region.data() + kLinePair)),
        count_((region.size() - kLinePair) / Bytes) {}

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// Gives out the next number, from 0 on. It is one's own: write() it, also more than once.
  [[nodiscard]] std::uint64_t begin() const noexcept {
    return next_->fetch_add(1, std::memory_order_relaxed);
  }

  void write(std::uint64_t number, const Record& record) const noexcept {
    Slot& slot = slots_[number % count_];
    slot.number.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < kWords; ++i)
      slot.words[i].store(record[i], std::memory_order_relaxed);
    slot.checksum.store(sealed_checksum(number + 1, record), std::memory_order_relaxed);
    slot.number.store(number + 1, std::memory_order_release);  // SEAL
  }

  /// Calls visit(number, record) for each record that is whole, in the order of the slots.
  template <class Visit>
  SealedCount read(Visit&& visit) const {
    SealedCount found{.begun = next_->load(std::memory_order_acquire)};
    Record record;
    for (std::uint64_t i = 0; i < count_; ++i) {
      const Slot& slot = slots_[i];
      const std::uint64_t number = slot.number.load(std::memory_order_acquire);  // SEAL
      if (number == 0) {
        found.torn += i < found.begun ? 1U : 0U;
        continue;
      }
      for (std::size_t word = 0; word < kWords; ++word)
        record[word] = slot.words[word].load(std::memory_order_relaxed);
      const std::uint64_t checksum = slot.checksum.load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (slot.number.load(std::memory_order_relaxed) != number) {
        ++found.torn;
      } else if ((number - 1) % count_ != i || checksum != sealed_checksum(number, record)) {
        ++found.damaged;
      } else {
        visit(number - 1, record);
      }
    }
    return found;
  }

  /// Numbers go on behind the last record that there is, should the region say another: damage
  /// must not make new records look old. For who has the region to himself, or nearly so.
  void mend() const {
    std::uint64_t last = 0;
    read([&](std::uint64_t number, const Record&) { last = number >= last ? number + 1 : last; });
    std::uint64_t next = next_->load(std::memory_order_relaxed);
    while (next < last && !next_->compare_exchange_weak(next, last, std::memory_order_relaxed)) {
    }
  }

 private:
  Word* next_ = nullptr;
  Slot* slots_ = nullptr;
  std::uint64_t count_ = 1;
};

}  // namespace mabeam::shm

// SealedSlots: fixed-size records that several processes write, overwriting the oldest, and anybody
// reads; the last of each kind of fact is there after everybody has died.
//
// Layout (offsets in bytes from the region's start, 128-byte aligned)
//
//      0 +----------------------------------------------------------------+
//        | next: u64     records ever begun              fetch_add: anyone|
//    128 +----------------------------------------------------------------+
//        | slots of Bytes bytes; record n lies at n % count:              |
//        |   seal: u64       n + 1; kWriting: it is being written;        |
//        |                   kContested: over one that was                |
//        |   checksum: u64   of the seal and the words                    |
//        |   words                                                        |
//        +----------------------------------------------------------------+
//
// Invariants
//   (1) Nobody waits for anybody. A writer that dies in the middle leaves a slot that is being
//       written: one record less, until the slot's turn comes again.
//   (2) A record counts only if its number belongs to its slot and the checksum holds. A writer may
//       be stopped in the middle while all the others go round. Who comes to its slot next finds it
//       being written, and says with its own seal that somebody may still write there: both are
//       lost if he does, and neither is taken for damage. So it stays with that slot, since nobody
//       can tell whether he is dead. One that was stopped before it had taken its slot finds a
//       newer record there, and lets it be: it takes what it has judged, or judges again.
//   (3) Zeroed memory is an empty region. Whatever `next` says, records are written and read: one
//       that cannot be makes none look newer than another.
//
// Ordering
//   SEAL     seal (release) after the words -> a reader (acquire), which looks at it before and
//            after it has copied them, as at any sequence lock.
//   TAKE     seal (release) after `next` was raised -> who judges it (acquire): one of a number
//            that was given out is never taken for damage.
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

/// The hash of a record's seal and words.
inline std::uint64_t sealed_checksum(std::uint64_t seal,
                                     std::span<const std::uint64_t> words) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325 ^ seal;
  for (const std::uint64_t word : words) {
    hash = (hash ^ word) * 0x100000001B3;
    hash ^= hash >> 29U;
  }
  return hash;
}

/// What was found in a region.
struct SealedCount {
  std::uint64_t begun = 0;    ///< ever, as the region says
  std::uint64_t torn = 0;     ///< whose writer died, is at work, or wrote over another's
  std::uint64_t damaged = 0;  ///< whose number or checksum cannot be
};

template <std::size_t Bytes>
class SealedSlots {
 public:
  static constexpr std::size_t kWords = Bytes / 8 - 2;
  using Record = std::array<std::uint64_t, kWords>;

  struct Slot {
    Word seal;
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
    return next_->fetch_add(1, std::memory_order_relaxed) & kMostNumber;
  }

  void write(std::uint64_t number, const Record& record) const noexcept {
    Slot& slot = slots_[number % count_];
    const std::uint64_t writing = kWriting | (number + 1);
    std::uint64_t before = slot.seal.load(std::memory_order_acquire);
    do {  // again only if another has gone on
      if (is_newer(before, number)) return;
    } while (!slot.seal.compare_exchange_strong(before, writing, std::memory_order_acq_rel,
                                                std::memory_order_acquire));  // TAKE
    const bool is_contested = before != writing && (before & (kWriting | kContested)) != 0;
    const std::uint64_t sealed = (number + 1) | (is_contested ? kContested : 0);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < kWords; ++i)
      slot.words[i].store(record[i], std::memory_order_relaxed);
    slot.checksum.store(sealed_checksum(sealed, record), std::memory_order_relaxed);
    std::uint64_t expected = writing;  // another, if the slot is somebody else's by now
    slot.seal.compare_exchange_strong(expected, sealed, std::memory_order_release,
                                      std::memory_order_relaxed);  // SEAL
  }

  /// How many numbers were ever given out, as the region says.
  [[nodiscard]] std::uint64_t begun() const noexcept {
    return next_->load(std::memory_order_acquire) & kMostNumber;
  }

  /// Calls visit(number, record) for each record that is whole, in the order of the slots.
  template <class Visit>
  SealedCount read(Visit&& visit) const {
    SealedCount found{.begun = begun()};
    Record record;
    for (std::uint64_t i = 0; i < count_; ++i) {
      const Found slot = look(i, record);
      switch (slot.state) {
        case State::empty:
          found.torn += i < found.begun ? 1U : 0U;
          break;
        case State::torn:
          ++found.torn;
          break;
        case State::damaged:
          ++found.damaged;
          break;
        case State::whole:
          visit(slot.number, record);
      }
    }
    return found;
  }

  /// One record. False if it is not whole, or not there any more.
  bool read_one(std::uint64_t number, Record& record) const {
    const Found slot = look(number % count_, record);
    return slot.state == State::whole && slot.number == number;
  }

  /// Numbers go on behind the last record that there is, should the region say another: damage
  /// must not make new records look old. Numbers that nobody lives to see are damage. For who has
  /// the region to himself, or nearly so.
  void mend() const {
    std::uint64_t last = 0;
    read([&](std::uint64_t number, const Record&) {
      if (number >= last && number < kMostPlausible) last = number + 1;
    });
    std::uint64_t next = next_->load(std::memory_order_relaxed);
    while ((next < last || next > kMostPlausible) &&
           !next_->compare_exchange_weak(next, last, std::memory_order_relaxed)) {
    }
  }

 private:
  static constexpr std::uint64_t kWriting = std::uint64_t{1} << 63U;
  static constexpr std::uint64_t kContested = std::uint64_t{1} << 62U;
  static constexpr std::uint64_t kNumber = kContested - 1;
  static constexpr std::uint64_t kMostNumber = kNumber >> 1U;  // whatever the region says
  static constexpr std::uint64_t kMostPlausible = kMostNumber >> 1U;

  enum class State : std::uint8_t { empty, torn, damaged, whole };

  struct Found {
    State state = State::empty;
    std::uint64_t number = 0;  ///< of one that is whole
  };

  [[nodiscard]] Found look(std::uint64_t index, Record& record) const {
    const Slot& slot = slots_[index];
    const std::uint64_t seal = slot.seal.load(std::memory_order_acquire);  // SEAL
    const std::uint64_t number = seal & kNumber;
    if (number == 0) return {State::empty};
    if ((seal & kWriting) != 0) return {State::torn};
    for (std::size_t word = 0; word < kWords; ++word)
      record[word] = slot.words[word].load(std::memory_order_relaxed);
    const std::uint64_t checksum = slot.checksum.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (slot.seal.load(std::memory_order_relaxed) != seal) return {State::torn};
    if ((number - 1) % count_ == index && checksum == sealed_checksum(seal, record)) {
      return {State::whole, number - 1};
    }
    return {(seal & kContested) != 0 ? State::torn : State::damaged};
  }

  /// True if that seal shows that others have gone round since `number` was given out. What cannot
  /// be is not newer: damage costs no slot for good.
  [[nodiscard]] bool is_newer(std::uint64_t seal, std::uint64_t number) const noexcept {
    const std::uint64_t there = seal & kNumber;
    return there > number + 1 && (there - number - 1) % count_ == 0 && there <= begun();
  }

  Word* next_ = nullptr;
  Slot* slots_ = nullptr;
  std::uint64_t count_ = 1;
};

}  // namespace mabeam::shm

// The words of the segment: how a 64-bit word that several processes read is packed, and the
// padding that keeps one writer to a cache line.
#pragma once

#include "mabeam/ids.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mabeam::shm {

/// Two lines: Intel's adjacent-line prefetch makes pairs of 64-byte lines move together. Not
/// std::hardware_destructive_interference_size, which differs between builds and would change the
/// layout with -mtune.
inline constexpr std::size_t kLinePair = 128;
inline constexpr std::size_t kLine = 64;

/// Fetches a line for writing, so that the write does not wait for the one who read it last.
/// __builtin_prefetch means to read on x86 without -mprfchw; the instruction is ignored by
/// processors that do not know it.
inline void prefetch_for_write(const void* at) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

/// Attempts to see whole what somebody keeps changing.
inline constexpr int kReadTries = 100;

/// The supervisor's, the shards' and the clients'.
inline constexpr std::uint32_t kMaxEndpoints = 256;

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free, "a lock would die with its holder");
static_assert(sizeof(Word) == 8);

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t to) {
  return (value + to - 1) / to * to;
}

/// Raises a high-water mark that this process alone writes.
inline void raise_mark(Word& mark, std::uint64_t value) noexcept {
  if (value > mark.load(std::memory_order_relaxed)) mark.store(value, std::memory_order_relaxed);
}

/// Copies whole words, one at a time. What a compiler copies in wider pieces than it was written in
/// waits until those writes have left the processor, and all older ones with them, cache misses
/// included.
template <class T>
void copy_words(std::byte* to, const T& from) noexcept {
  static_assert(sizeof(T) % 8 == 0 && alignof(T) == 8);
  auto* words = reinterpret_cast<Word*>(to);
  const auto* source = reinterpret_cast<const std::uint64_t*>(&from);
  for (std::size_t i = 0; i < sizeof(T) / 8; ++i)
    words[i].store(source[i], std::memory_order_relaxed);
}

/// A process: its pid (24 bits) above the low 40 bits of its start time in clock ticks, so a reused
/// pid is never mistaken. 0 is no process.
struct ProcessId {
  std::uint64_t value = 0;

  [[nodiscard]] constexpr std::uint32_t pid() const {
    return static_cast<std::uint32_t>(value >> 40U);
  }

  constexpr explicit operator bool() const { return value != 0; }

  friend constexpr bool operator==(ProcessId, ProcessId) = default;

  static constexpr ProcessId of(std::uint32_t pid, std::uint64_t start_ticks) {
    return {(std::uint64_t{pid} << 40U) | (start_ticks & ((std::uint64_t{1} << 40U) - 1))};
  }
};

/// One incarnation of a worker: which slot it runs in, and the how many-th process there it is.
/// Unique in the runtime, so a death is counted once. 0 is none.
struct Incarnation {
  std::uint64_t value = 0;

  [[nodiscard]] constexpr std::uint32_t worker() const {
    return static_cast<std::uint32_t>(value >> 32U) - 1;
  }

  [[nodiscard]] constexpr std::uint32_t number() const { return static_cast<std::uint32_t>(value); }

  constexpr explicit operator bool() const { return value != 0; }

  friend constexpr bool operator==(Incarnation, Incarnation) = default;

  static constexpr Incarnation of(std::uint32_t worker, std::uint32_t number) {
    return {(std::uint64_t{worker} + 1) << 32U | number};
  }
};

/// The word of a worker's slot: which incarnation it is for, and the pid that has claimed it.
struct Claim {
  std::uint32_t incarnation = 0;
  std::uint32_t pid = 0;  ///< 0: not claimed yet

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{incarnation} << 32U | pid;
  }

  static constexpr Claim unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint32_t>(word)};
  }
};

/// An agent's slot word: its generation and what state of life it is in, changed together.
struct SlotWord {
  std::uint32_t generation = 0;
  std::uint8_t lifecycle = 0;  ///< mabeam::Lifecycle

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{generation} << 32U | lifecycle;
  }

  static constexpr SlotWord unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint8_t>(word)};
  }
};

/// A subscription: which pattern, for which agent's slot. 0 is a free entry.
struct SubscriptionWord {
  Symbol pattern{};
  std::uint32_t slot = 0;  ///< 24 bits

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{static_cast<std::uint32_t>(pattern)} << 32U | slot;
  }

  static constexpr SubscriptionWord unpack(std::uint64_t word) {
    return {static_cast<Symbol>(word >> 32U), static_cast<std::uint32_t>(word)};
  }
};

}  // namespace mabeam::shm

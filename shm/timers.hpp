// Timers: one table a shard, written only by the shard's owner in its turns.
//
//      0               8               16              24              32
//      +---------------+---------------+---------------+---------------+
//      |     word      |    due_ns     |   period_ns   |     label     |
//      +---------------+---------------+---------------+---------------+
//      |    caller     |  correlation  |  deadline_ns  |     asked     |
//      +---------------+---------------+---------------+---------------+
//      32              40              48              56              64
//
//      word    generation of the agent that it is for | its slot + 1
//      label   call? | serial | symbol of its name
//      asked   2, if there was no room to send that call | 1, if a coroutine waits for it, which is
//              to answer a request of `caller`, of that correlation and deadline | symbol of that
//              request's action; else all four are 0
//
// A call with a deadline is a timer, too (worker/context_calls.cpp): its name is the action, its
// period the id of the agent that was called, and it fires if no answer has cancelled it. So is one
// that has overflowed, with a deadline or without: it fires soon.
//
// Invariants
//   (1) A record is free when its word is 0 or its agent does not live. So its timers end with it,
//       by the very store that ends it, however many they are.
//   (2) The rest changes only while the record is free, and the word is stored after it; due_ns
//       of a timer that repeats is a word of the redo list, too.
//   (3) The serial, 31 bits, is raised whenever a record is given out, so that a stale TimerId
//   matches
//       nothing.
//   (4) A coroutine is in its owner's memory. The next owner ends its call at once, and tells
//       `caller` (worker/shard_tasks.cpp).
#pragma once

#include "shm/words.hpp"

#include "mabeam/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace mabeam::shm {

inline constexpr std::uint32_t kMaxTimers = 1U << 26U;  // of a shard: a witness names one

struct TimerRecord {
  Word word;       ///< TimerWord
  Word due_ns;     ///< CLOCK_MONOTONIC
  Word period_ns;  ///< 0: once; of a call: the AgentId that was called
  Word label;      ///< TimerLabel
  Word caller;     ///< AgentId; 0: nobody waits for the coroutine's answer
  Word correlation;
  Word deadline_ns;
  Word asked;  ///< TaskWord
};

static_assert(sizeof(TimerRecord) == 64 && offsetof(TimerRecord, caller) == 32);

using TimerTable = std::span<TimerRecord>;

/// Which agent a timer is for: this one, not another that gets its slot.
struct TimerWord {
  std::uint32_t generation = 0;
  std::uint32_t slot = 0;

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{generation} << 32U | (slot + 1);
  }

  /// Of a free record the slot is none.
  static constexpr TimerWord unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint32_t>(word) - 1};
  }
};

struct TimerLabel {
  static constexpr std::uint32_t kCall = 1U << 31U;

  std::uint32_t serial = 0;  ///< with kCall, if it is one
  Symbol name{};

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{serial} << 32U | static_cast<std::uint32_t>(name);
  }

  static constexpr TimerLabel unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32U), static_cast<Symbol>(word)};
  }

  [[nodiscard]] constexpr bool is_call() const { return (serial & kCall) != 0; }

  /// Of a TimerId, which has the serial in its upper half.
  static constexpr bool is_call(TimerId id) { return static_cast<std::uint64_t>(id) >> 63U != 0; }

  /// Of the record's next user.
  [[nodiscard]] constexpr std::uint32_t next_serial() const { return (serial + 1) & ~kCall; }
};

/// TimerRecord::asked.
struct TaskWord {
  bool is_task = false;
  Symbol action{};
  bool has_overflowed = false;

  [[nodiscard]] constexpr std::uint64_t pack() const {
    const std::uint64_t flags = (is_task ? 1U : 0U) | (has_overflowed ? 2U : 0U);
    return flags << 32U | static_cast<std::uint32_t>(action);
  }

  static constexpr TaskWord unpack(std::uint64_t word) {
    return {(word >> 32U & 1U) != 0, static_cast<Symbol>(word), (word >> 33U & 1U) != 0};
  }
};

/// A due time or a period: a number of nanoseconds that is not negative.
constexpr bool is_timer_time(std::uint64_t value) {
  return value >> 63U == 0;
}

}  // namespace mabeam::shm

// Letters: the dead letters of one shard: what a record of their log is, and which of them wait.
//
// The log is an event log without readers (event_log.hpp): the oldest give way. Two kinds of
// record:
//
//      dead_letter   flags: DeadReason | kFinal    MessageHeader: the cover
//                                                  MessageHeader: of the message that died
//                                                  its payload
//      settled       flags: LetterFate             MessageHeader: the cover, no more
//
//      cover: id           this record's number in the log
//             correlation  dead_letter: the Kind that died, above it the flags that it had, and in
//                          the upper half the bytes of its payload, cut or not;
//                          settled: the number of the letter
//             sent_ns      when
//
// Invariants
//   (1) A letter is settled at most once: the shard looks before it writes, and each replay or drop
//       ends its turn.
//   (2) A letter's end is written by the turn that takes its effect, so it is exactly once, too.
//   (3) Letters are numbered by their log, so a number that has given way means nothing again.
//   (4) A letter gives way before the record of its end, so what has ended is never taken to wait.
#pragma once

#include "shm/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mabeam::shm {

/// How a dead letter was settled.
enum class LetterFate : std::uint16_t { replayed = 1, dropped };

/// In a letter's flags: it is never replayed, since it was cut short or bears a false name.
inline constexpr std::uint16_t kFinal = 0x8000;

/// A dead letter's reason, of its record's flags.
constexpr DeadReason reason_of(std::uint16_t flags) {
  return static_cast<DeadReason>(flags & ~std::uint32_t{kFinal});
}

/// One that waits: a private copy.
struct Letter {
  std::uint64_t number = 0;
  DeadReason reason{};
  bool is_final = false;
  Kind kind{};
  std::uint16_t flags = 0;     ///< a reply's Errc
  std::int64_t buried_ns = 0;  ///< CLOCK_MONOTONIC
  MessageHeader header;        ///< of the message that died
  std::vector<std::byte> payload;
  std::uint64_t payload_bytes = 0;  ///< that it had: more than are left, where it was cut
};

struct Letters {
  std::vector<Letter> waiting;  ///< oldest first
  bool is_damaged = false;      ///< some of the log could not be read
};

/// True if a letter of that shard's may be delivered again: one for an agent, or what the shard
/// told another in vain of the end of a tree.
bool is_replayable(const Letter& letter, std::uint32_t endpoint);

/// Reads a log of dead letters, once through whatever its writer does.
Letters read_letters(std::span<const std::byte> log);

}  // namespace mabeam::shm

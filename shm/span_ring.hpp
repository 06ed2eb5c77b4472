// SpanRing: an endpoint's newest spans; one process writes, anybody looks.
//
// Layout of one ring (offsets in bytes from its start, 128-byte aligned)
//
//      0 +----------------------------------------------------------------+
//        | tail: u64     spans ever published            written by: owner|
//        | capacity: u64 records                         once             |
//        | magic: u64                                    once             |
//    128 +----------------------------------------------------------------+
//        | capacity records of 128 bytes; span n lies at n % capacity:    |
//        |   sequence: u64   n + 1; 0 while it is being written           |
//        |   15 words        Span                                         |
//        +----------------------------------------------------------------+
//
// Invariants
//   (1) Nobody waits for anybody: the writer overwrites the oldest, a reader leaves out what it
//       finds overwritten.
//   (2) Spans are written beyond the tail. A shard's tail is a word of its turn, so an undone
//       message has no span and a repeated one has exactly that of the run which was committed. A
//       client stores its tail itself.
//   (3) What lies beyond the tail may have overwritten an older span: that is gone then, even if
//       the message is undone.
//
// Ordering
//   PUBLISH  tail (release) after the spans -> whoever reads the tail (acquire).
//   SEAL     sequence (release) after a span's words -> a reader (acquire). A reader looks at it
//            before and after it has copied the words, as at any sequence lock.
#pragma once

#include "shm/words.hpp"

#include "mabeam/result.hpp"
#include "mabeam/trace.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace mabeam::shm {

/// Who leaves a span.
enum class SpanSide : std::uint32_t {
  handler = 0,  ///< an agent's, of a message that it was given
  client = 1    ///< a client's, of a message that it has sent
};

/// A span in the segment. Every field may be any number, in a damaged one.
struct Span {
  TraceId trace;
  std::uint64_t span = 0;
  std::uint64_t parent = 0;
  std::uint64_t agent = 0;   ///< who handled it; of a client's: to whom it was sent
  std::uint64_t source = 0;  ///< who sent it
  std::uint64_t owner = 0;   ///< Incarnation of the worker; of a client's: its ProcessId
  std::int64_t sent_ns = 0;
  std::int64_t started_ns = 0;
  std::int64_t ended_ns = 0;
  std::uint32_t symbol = 0;
  std::uint16_t kind = 0;    ///< Kind
  std::uint16_t result = 0;  ///< an Errc, or 0
  SpanSide side = SpanSide::handler;
  std::uint32_t attempt = 1;
  std::array<std::uint64_t, 3> reserved{};
};

inline constexpr std::size_t kSpanWords = 15;
static_assert(sizeof(Span) == kSpanWords * 8 && std::is_trivially_copyable_v<Span>);

struct SpanRecord {
  Word sequence;
  std::array<Word, kSpanWords> words;
};

static_assert(sizeof(SpanRecord) == kLinePair);

struct SpanRingHeader {
  alignas(kLinePair) Word tail;
  std::uint64_t capacity;
  std::uint64_t magic;
};

static_assert(sizeof(SpanRingHeader) == kLinePair);

inline constexpr std::uint64_t kSpanMagic = 0x474E49524E415053;  // "SPANRING"
/// More than a turn takes messages, subscribers and timers.
inline constexpr std::uint64_t kMostSpansOfTurn = 4096;

/// Writes the header of a ring in zeroed memory.
void create_span_ring(std::span<std::byte> ring);

/// The word that publishes. `ring` is sizeof(SpanRingHeader) bytes or more.
Word& span_tail(std::span<std::byte> ring) noexcept;

/// The writing end. One at a time per ring, which the endpoint's owner guarantees.
class SpanWriter {
 public:
  SpanWriter() = default;
  /// Takes over at the published tail. Errors: corrupt (magic or capacity).
  static Result<SpanWriter> open(std::span<std::byte> ring);

  /// Writes a span beyond the tail. No more than kMostSpansOfTurn before the tail is stored.
  void claim(const Span& span) noexcept;

  /// Forgets the claims behind `position`.
  void rewind(std::uint64_t position) noexcept { claimed_ = position; }

  /// For a client, which makes no turns.
  void publish() noexcept;

  /// Tells that a turn has stored claimed() into the tail.
  void settle() noexcept { published_ = claimed_; }

  [[nodiscard]] std::uint64_t claimed() const noexcept { return claimed_; }

  [[nodiscard]] std::uint64_t published() const noexcept { return published_; }

  /// What a turn puts on its redo list.
  [[nodiscard]] Word& tail_word() const noexcept { return header_->tail; }

 private:
  SpanRingHeader* header_ = nullptr;
  SpanRecord* records_ = nullptr;
  std::uint64_t mask_ = 0;
  std::uint64_t claimed_ = 0;
  std::uint64_t published_ = 0;
};

/// What is left in a ring, oldest first.
struct SpansLeft {
  std::vector<Span> spans;
  std::uint64_t published = 0;  ///< ever
  std::uint64_t damaged = 0;    ///< of those, with a number that they cannot have
};

/// Copies what is published. Errors: corrupt (magic or capacity).
Result<SpansLeft> read_spans(std::span<const std::byte> ring);

}  // namespace mabeam::shm

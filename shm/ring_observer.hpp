// RingObserver: what waits in a ring, read by who is neither of its ends. Both may go on meanwhile:
// the reader takes records, and the writer overwrites them.
//
//   while (ring.next(record)) {
//     ... copy what is wanted of it ...
//     if (ring.confirm(record)) ...          the copy is good
//   }
//
// Only what its reader has not taken is still there: so head is loaded again after each record has
// been read, and one that was taken meanwhile is left out, whatever it looked like. What does not
// parse is damage only where head has not passed it.
#pragma once

#include "shm/spsc_ring.hpp"

#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace mabeam::shm {

class RingObserver {
 public:
  /// Of what has been published until now. Errors: corrupt (the header, or positions that cannot
  /// be).
  static Result<RingObserver> open(std::span<std::byte> ring) noexcept;

  /// The oldest record that is still to be looked at. False behind the last, and before damage.
  bool next(Record& record) noexcept;
  /// After what next() has found was read. False: it was taken meanwhile.
  bool confirm(const Record& record) noexcept;

  /// Records do not parse from some point on.
  [[nodiscard]] bool is_damaged() const noexcept { return is_damaged_; }

 private:
  explicit RingObserver(const RingConsumer& ring) : ring_(ring) {}

  /// Goes to where the reader is by now. False: that is not beyond `position`.
  bool catch_up(std::uint64_t position) noexcept;

  RingConsumer ring_;      // never released
  std::uint64_t end_ = 0;  // where the tail was
  std::uint64_t at_ = 0;   // where the last look began, pads included
  bool is_damaged_ = false;
};

}  // namespace mabeam::shm

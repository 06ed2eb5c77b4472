// PastEvents: one log's events that are still there, from a position to where the log ended when
// the reading began, for those who only look. What is gone of them is counted exactly.
#pragma once

#include "shm/event_log.hpp"
#include "shm/segment.hpp"
#include "shm/symbols.hpp"
#include "shm/wire.hpp"

#include "mabeam/history.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mabeam::shm {

/// An event as it was copied out of a log: checked, and not yet copied a second time.
struct PastEvent {
  Symbol symbol{};
  std::string_view topic;
  Received message;
  std::int64_t emitted_ns = 0;
};

/// Takes a copied record of a log apart. False if it is no event of a known topic.
bool read_past_event(const Symbols& symbols, const RecordHeader& header,
                     const std::vector<std::byte>& body, PastEvent& event);

/// All that a user is told of it.
void fill_history_event(HistoryEvent& to, const PastEvent& event, std::uint32_t log);

class PastEvents {
 public:
  /// Of that endpoint's log, from the event of number `from` on, or the oldest that is left.
  /// Errors: corrupt.
  static Result<PastEvents> open(const Segment& segment, std::uint32_t endpoint,
                                 std::uint64_t from = 0);

  /// The next event that can be read. False at the end.
  bool next(PastEvent& event);

  /// Events from `from` on that are gone, as far as is known: all of them once next() was false.
  [[nodiscard]] std::uint64_t gone() const { return gone_; }

  [[nodiscard]] std::uint64_t kept() const { return kept_; }

  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

  /// The number behind the last that was read.
  [[nodiscard]] std::uint64_t next_number() const { return next_; }

  [[nodiscard]] bool is_damaged() const { return is_damaged_; }

 private:
  [[nodiscard]] bool is_next(std::uint64_t number) const;
  void note_number(std::uint64_t number);
  void end_at_the_tail();
  [[nodiscard]] std::uint64_t number_at_the_end();

  Symbols symbols_;
  EventLogObserver log_;
  const LogHeader* header_ = nullptr;
  std::uint64_t from_ = 0;
  std::uint64_t end_ = 0;     // the tail when the reading began
  std::uint64_t next_ = 0;    // the number that comes next, if none is gone
  std::uint64_t behind_ = 0;  // the number behind the last event that was seen; 0: none was
  std::uint64_t gone_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t unreadable_ = 0;
  bool is_damaged_ = false;
  std::vector<std::byte> body_;
};

}  // namespace mabeam::shm

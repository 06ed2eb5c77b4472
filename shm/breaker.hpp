// Breaker: a circuit breaker in shared memory, for any number of processes.
//
//             failure_threshold failures in `window`
//      closed -------------------------------------> open --(until its deadline)--+
//        ^                                             ^                          |
//        | half_open_max_calls successes               | a failure: twice as long |
//        +---------------------- half_open ------------+                          |
//                                  ^  |  ^                                        |
//       nothing decided by its     |  |  |   the first who asks after it          |
//       deadline: permits anew     +--+  +----------------------------------------+
//
// Everything that decides is in one word, changed by compare-exchange, so whoever dies leaves a
// whole breaker. Its generation goes up with each transition. A permit carries it, so a result that
// comes late counts as stale and changes nothing.
//
//      state   63 62    61 60    59      55 54           38 37                      0
//              +-------+--------+----------+---------------+-------------------------+
//              | mode  | state  | doublings|  generation   |   deadline in ms         |
//              +-------+--------+----------+---------------+-------------------------+
//      trial   63           47 46         23 22            0
//              +--------------+-------------+--------------+
//              |  generation  |    given    |  succeeded   |   of one half-open time
//              +--------------+-------------+--------------+
//      bucket  63           47 46         24 23            0
//              +--------------+-------------+--------------+
//              |  generation  | tenth of a  |   failures   |   ten of them are a window
//              |              | window, no. |              |
//              +--------------+-------------+--------------+
//
// Invariants
//   (1) A generation of half-open gives out at most half_open_max_calls permits.
//   (2) A permit is a lease: its holder may die. What is not decided by the deadline is asked anew,
//       by another generation, so a breaker is never stuck half-open.
//   (3) Only results of the current generation decide.
//   (4) An account of an older generation is never mistaken for the current one's, nor put in its
//       place: trial and buckets name theirs, and the state is read again after the trial.
//
// Time is passed in (CLOCK_MONOTONIC, ns), and chance, 0 to 1, for the jitter: a fifth up or down,
// so that breakers which opened together do not try together.
#pragma once

#include "shm/layout.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mabeam::shm {

enum class BreakerState : std::uint8_t { closed, open, half_open };
/// automatic, or what somebody has ordered: results then change nothing.
enum class BreakerMode : std::uint8_t { automatic, forced_open, forced_closed };

struct BreakerRules {
  std::uint32_t failure_threshold = 5;
  std::int64_t window_ns = 60'000'000'000;
  std::int64_t recovery_timeout_ns = 30'000'000'000;
  std::uint32_t half_open_max_calls = 10;
};

struct BreakerWord {
  BreakerMode mode = BreakerMode::automatic;
  BreakerState state = BreakerState::closed;
  std::uint32_t doublings = 0;   ///< 5 bits: openings in a row, less one
  std::uint32_t generation = 0;  ///< 17 bits
  std::uint64_t deadline_ms = 0;

  static constexpr std::uint32_t kGenerations = 1U << 17U;

  [[nodiscard]] std::uint64_t pack() const;
  static BreakerWord unpack(std::uint64_t word);

  /// True if nobody holds it and it is closed: everything may pass, and nothing need be told of.
  static constexpr bool is_closed_by_itself(std::uint64_t word) { return word >> 60U == 0; }
};

/// What a result is told with.
struct BreakerPermit {
  std::uint32_t generation = 0;
};

struct BreakerAdmission {
  std::optional<BreakerPermit> permit;
  std::int64_t retry_after_ns = 0;  ///< without a permit
};

struct BreakerView {
  BreakerMode mode = BreakerMode::automatic;
  BreakerState state = BreakerState::closed;  ///< as it acts: forced_open is open
  std::uint64_t failures = 0;                 ///< in the window
  std::int64_t retry_after_ns = 0;            ///< while it is open, until the next trial
  std::uint64_t openings = 0;
  std::uint64_t rejected = 0;
};

class Breaker {
 public:
  explicit Breaker(BreakerSlot& slot) : slot_(&slot) {}

  /// A permit to call, or when to ask again.
  BreakerAdmission ask(const BreakerRules& rules, std::int64_t now_ns);

  /// Begins the trial of one that is open by itself before its time is over: there is reason to.
  void begin_trial(const BreakerRules& rules, std::int64_t now_ns);

  /// Tells of `count` calls that went well.
  void succeed(BreakerPermit permit, const BreakerRules& rules, std::uint32_t count = 1);

  /// Tells of a call that failed. `may_open`: too many others are not open. True if this opened it.
  bool fail(BreakerPermit permit, const BreakerRules& rules, std::int64_t now_ns, double chance,
            bool may_open = true);

  /// forced_open and forced_closed hold until automatic, which follows an open one by a trial.
  void set_mode(BreakerMode mode, std::int64_t now_ns);

  /// Closed, with nothing counted: its past is somebody else's.
  void reset();

  [[nodiscard]] BreakerWord word() const;

  [[nodiscard]] BreakerPermit current() const { return {word().generation}; }

  [[nodiscard]] BreakerView view(const BreakerRules& rules, std::int64_t now_ns) const;

  /// How it acts: a forced state, else its own.
  static BreakerState acting(const BreakerWord& word);

 private:
  bool move(std::uint64_t& seen, BreakerState state, std::uint32_t doublings,
            std::int64_t deadline_ns);
  enum class Take : std::uint8_t { taken, none_left, again };
  Take take_permit(std::uint64_t seen, const BreakerRules& rules);
  [[nodiscard]] bool is_proved(std::uint32_t generation, const BreakerRules& rules) const;
  std::uint64_t count_failure(std::uint32_t generation, const BreakerRules& rules,
                              std::int64_t now_ns);
  [[nodiscard]] std::uint64_t failures_in_window(std::uint32_t generation,
                                                 const BreakerRules& rules,
                                                 std::int64_t now_ns) const;

  BreakerSlot* slot_;
};

/// The named breaker of that symbol, which is made if there is none. Errors: breakers_full.
Result<BreakerSlot*> find_breaker(std::span<BreakerSlot> named, Symbol name) noexcept;

/// 0 to 1, from a time: good enough for jitter.
double chance_of(std::int64_t now_ns) noexcept;

/// "closed", "open", "half_open".
std::string_view to_string(BreakerState state);

/// How long a breaker stays open that has doubled so often: at most ten minutes, or
/// recovery_timeout where that is longer; then the jitter.
std::int64_t breaker_open_time(const BreakerRules& rules, std::uint32_t doublings, double chance);

/// As the header's tunables say.
BreakerRules breaker_rules(const Tunables& tunables);

}  // namespace mabeam::shm

// Restart: whether a worker that has ended is started again, when, and when to give up.
//
// The words are OTP's: `permanent` workers are always restarted, `transient` ones when they failed,
// `temporary` ones never. What a worker exits with has the last word:
//
//   0            it is done
//   64, 77, 78   another try would end alike: never again
//   75           not now: tried again, with backoff and without blame
//   99           it wants another incarnation: restarted at once, whatever the policy, without
//   blame
//                (with backoff if it was not even ready)
//
//   delay of a restart         0          the last failure is a minute ago, or there was none, and
//                                         the worker had been ready: what broke once is mended now
//                              else       backoff_min, doubled each time, up to backoff_max
//
// Jitter only shortens a delay, by up to a fifth, never under backoff_min: workers that fell
// together do not rise together, and `intensity` restarts never take longer than without it.
//
// Giving up: more than `intensity` restarts within `period` while no worker was ready in between.
// A runtime of which a part works is not ended because another part does not.
#pragma once

#include "supervisor/config.hpp"
#include "supervisor/event_loop.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace mabeam::supervisor {

/// What a worker exits with that nobody is to blame for: it is tried again.
inline constexpr std::int32_t kTryAgain = 75;

/// How a worker's process ended, as far as a restart is concerned.
struct Ending {
  std::optional<std::int32_t> code;  ///< nothing: a signal, or not known
  bool was_ready = false;
  bool was_planned = false;  ///< the supervisor ended it, and not for a fault of its own
};

/// True for a failure: what `transient` restarts and intensity counts.
bool is_failure(const Ending& ending);

/// True for exit codes that say that another try would end alike.
bool is_final(const Ending& ending);

/// True if others are restarted with a worker that is restarted after such an end: not if that was
/// planned, nor for a worker that has asked for it (75, 99).
bool takes_others_along(const Ending& ending);

/// Who is restarted with `worker`, itself aside, of workers 0 to `count` - 1: nobody, everybody, or
/// those behind it.
std::vector<std::uint32_t> restarted_with(std::uint32_t worker, std::uint32_t count,
                                          RestartStrategy strategy);

enum class Verdict : std::uint8_t {
  restart,  ///< after Decision::delay
  leave,    ///< it is done
  fail,     ///< it is not done, and yet not to be restarted
};

struct Decision {
  Verdict verdict = Verdict::restart;
  Time delay{0};
};

/// What one worker's restarts depend on. Time and chance are passed in: tests need no sleep.
class RestartPlan {
 public:
  /// `chance`: 0 to 1, for the jitter.
  Decision decide(const Ending& ending, Time now, double chance, const RestartConfig& config);

 private:
  Time next_delay(const Ending& ending, Time now, double chance, const RestartConfig& config);

  std::optional<Time> last_failure_;
  std::uint32_t doublings_ = 0;
};

/// The failures of all workers since one was last ready.
class RestartIntensity {
 public:
  /// Counts a restart that is about to be made. True: it would be one too many.
  bool is_exceeded(Time now, const RestartConfig& config);

  /// A worker is ready, or still is.
  void forget() { restarts_.clear(); }

 private:
  std::deque<Time> restarts_;
};

}  // namespace mabeam::supervisor

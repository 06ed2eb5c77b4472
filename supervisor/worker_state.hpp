// The states of a worker as its supervisor sees it, and every way from one to another.
//
//                      spawned              is_ready            degraded
//      stopped, backoff ------> starting ------------> ready <----------> degraded
//           ^        ^              |                  ^ | ^  recovered       |
//           |        |              |                  | | | was_heard        |
//           |        |              |                  | v |                  |
//           |        |              |                  | suspect <------------+
//           |        |              |                  |   ^ fell_silent
//           |        |              |                  | proved
//           |        |              |    open ------> half_open
//           |        |              |      ^  on_trial   |
//           |        |   drain, stop, kill: in any state with a process
//           |        |              v
//           |        |     draining --> stopping --> killing
//           |        |              |
//           |        +--------------+ ended_for_restart; or opened: open, for a while
//           +-----------------------+ ended; or ended_for_good: failed, which is final
//
// A worker on trial stays half_open from its start until it is proved, silent or not.
//
// The table is data: every pair of a state and an event has an entry, checked at compile time.
#pragma once

#include "mabeam/observer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace mabeam::supervisor {

enum class WorkerEvent : std::uint8_t {
  spawned,            ///< a process was started, or a predecessor's was adopted
  is_ready,           ///< it runs its shards
  degraded,           ///< it is over a soft limit
  recovered,          ///< it is under the soft limit again
  fell_silent,        ///< its heartbeat is older than it should be
  was_heard,          ///< its heartbeat is fresh again
  drain,              ///< it was ordered to finish what is in its rings
  stop,               ///< it was ordered to end after its turn, or sent SIGTERM
  kill,               ///< it was sent a signal that ends it
  ended,              ///< the process is gone, nobody wants another one
  ended_for_restart,  ///< the process is gone, another one follows
  ended_for_good,     ///< the process is gone, and another one would fail as well
  on_trial,           ///< a process was started to show whether the worker is well again
  proved,             ///< it is
  opened,             ///< there is no process, and the breaker lets none be started for a while
};

inline constexpr std::size_t kWorkerStates = 12;
inline constexpr std::size_t kWorkerEvents = 15;

namespace transitions {

/// An entry: the next state plus 2, or one of these.
enum Entry : std::uint8_t { unset, never };

constexpr Entry to(WorkerState state) {
  return static_cast<Entry>(static_cast<std::uint8_t>(state) + 2);
}

using Row = std::array<Entry, kWorkerEvents>;

inline constexpr Entry kStopped = to(WorkerState::stopped);
inline constexpr Entry kStarting = to(WorkerState::starting);
inline constexpr Entry kReady = to(WorkerState::ready);
inline constexpr Entry kDegraded = to(WorkerState::degraded);
inline constexpr Entry kSuspect = to(WorkerState::suspect);
inline constexpr Entry kKilling = to(WorkerState::killing);
inline constexpr Entry kDraining = to(WorkerState::draining);
inline constexpr Entry kStopping = to(WorkerState::stopping);
inline constexpr Entry kBackoff = to(WorkerState::backoff);
inline constexpr Entry kFailed = to(WorkerState::failed);
inline constexpr Entry kOpen = to(WorkerState::open);
inline constexpr Entry kHalfOpen = to(WorkerState::half_open);

/// In the order of WorkerState, each row in the order of WorkerEvent.
// clang-format off
inline constexpr std::array<Row, kWorkerStates> kTable{{
    // spawned    is_ready   degraded   recovered  fell_silent was_heard
    //            drain      stop       kill       ended       ended_for_restart  ended_for_good
    //            on_trial   proved     opened
    /* stopped  */ {kStarting, never, never, never, never, never,
                    kStopped, kStopped, kStopped, never, never, never,
                    kHalfOpen, never, kOpen},
    /* starting */ {never, kReady, kStarting, kStarting, kStarting, kStarting,
                    kDraining, kStopping, kKilling, kStopped, kBackoff, kFailed,
                    never, never, kOpen},
    /* ready    */ {never, kReady, kDegraded, kReady, kSuspect, kReady,
                    kDraining, kStopping, kKilling, kStopped, kBackoff, kFailed,
                    never, never, kOpen},
    /* degraded */ {never, kDegraded, kDegraded, kReady, kSuspect, kDegraded,
                    kDraining, kStopping, kKilling, kStopped, kBackoff, kFailed,
                    never, never, kOpen},
    /* suspect  */ {never, kReady, kSuspect, kSuspect, kSuspect, kReady,
                    kDraining, kStopping, kKilling, kStopped, kBackoff, kFailed,
                    never, never, kOpen},
    /* killing  */ {never, kKilling, kKilling, kKilling, kKilling, kKilling,
                    kKilling, kKilling, kKilling, kStopped, kBackoff, kFailed,
                    never, never, kOpen},
    /* draining */ {never, kDraining, kDraining, kDraining, kDraining, kDraining,
                    kDraining, kStopping, kKilling, kStopped, kBackoff, kFailed,
                    never, never, kOpen},
    /* stopping */ {never, kStopping, kStopping, kStopping, kStopping, kStopping,
                    kStopping, kStopping, kKilling, kStopped, kBackoff, kFailed,
                    never, never, kOpen},
    /* backoff  */ {kStarting, never, never, never, never, never,
                    kStopped, kStopped, kStopped, kStopped, kBackoff, kFailed,
                    kHalfOpen, never, kOpen},
    /* failed   */ {kStarting, never, never, never, never, never,
                    kFailed, kFailed, kFailed, never, never, never,
                    never, never, never},
    /* open     */ {kStarting, never, never, never, never, never,
                    kStopped, kStopped, kStopped, kStopped, kBackoff, kFailed,
                    kHalfOpen, never, kOpen},
    /* half_open*/ {never, kHalfOpen, kHalfOpen, kHalfOpen, kHalfOpen, kHalfOpen,
                    kDraining, kStopping, kKilling, kStopped, kBackoff, kFailed,
                    never, kReady, kOpen},
}};

// clang-format on

constexpr bool is_total() {
  return std::all_of(kTable.begin(), kTable.end(), [](const Row& row) {
    return std::none_of(row.begin(), row.end(), [](Entry entry) { return entry == unset; });
  });
}

static_assert(is_total(), "a pair of a state and an event has no entry");
static_assert(static_cast<std::size_t>(WorkerState::half_open) + 1 == kWorkerStates);
static_assert(static_cast<std::size_t>(WorkerEvent::opened) + 1 == kWorkerEvents);

}  // namespace transitions

/// Where an event leads; nothing if it cannot happen in that state.
constexpr std::optional<WorkerState> next_state(WorkerState state, WorkerEvent event) {
  const transitions::Entry entry =
      transitions::kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
  if (entry == transitions::never) return std::nullopt;
  return static_cast<WorkerState>(entry - 2);
}

/// True in the states in which there is a process.
constexpr bool has_process(WorkerState state) {
  return next_state(state, WorkerEvent::ended).has_value() && state != WorkerState::backoff &&
         state != WorkerState::open;
}

/// True for one that was ordered, or is forced, to end.
constexpr bool is_being_ended(WorkerState state) {
  return state == WorkerState::draining || state == WorkerState::stopping ||
         state == WorkerState::killing;
}

/// True for a worker that does its work, well or badly, but for one on trial, which may still
/// start.
constexpr bool is_serving(WorkerState state) {
  return state == WorkerState::ready || state == WorkerState::degraded ||
         state == WorkerState::suspect;
}

}  // namespace mabeam::supervisor

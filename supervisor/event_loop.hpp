// EventLoop: the one place where the supervisor sleeps: epoll over pidfds, a signalfd, a timerfd,
// the bell's socket and the workers' output.
//
// It says what has happened and to whom; it calls nobody back, so a handler may forget descriptors
// at will. An event may be stale (of a descriptor forgotten since, or of a predecessor with the
// same number): whoever gets one looks again at what it is about.
#pragma once

#include "supervisor/descriptor.hpp"

#include "mabeam/result.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <span>

#include <sys/epoll.h>

namespace mabeam::supervisor {

/// The supervisor's time: CLOCK_MONOTONIC, as everywhere.
using Time = std::chrono::nanoseconds;

inline constexpr Time kNever = Time::max();

/// Now, by the one clock (shm/clock.hpp).
Time now();

/// As the log says how long something took.
inline double seconds(Time time) {
  return std::chrono::duration<double>(time).count();
}

inline double milliseconds(Time time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

/// What an event is about; `index` of the event says which one.
enum class Source : std::uint32_t { signal, timer, bell, worker, output, client, handover };

struct Event {
  Source source{};
  std::uint32_t index = 0;
};

class EventLoop {
 public:
  /// Blocks `signals` in this process, to be read with next_signal(). Errors: system.
  static Result<EventLoop> create(std::span<const int> signals);

  /// Reports when `fd` can be read, until it is forgotten. Errors: system.
  Result<> watch(int fd, Event event);
  /// Before the descriptor is closed: a child between fork and exec still holds a copy of it.
  void forget(int fd) noexcept;

  /// Sleeps until something happens, at most until `deadline`. The events are valid until the next
  /// call.
  std::span<const Event> wait(Time deadline);

  /// A signal that has arrived, each once.
  std::optional<int> next_signal() noexcept;

 private:
  void set_timer(Time deadline) noexcept;

  Descriptor epoll_;
  Descriptor signals_;
  Descriptor timer_;
  Time armed_ = kNever;
  std::array<Event, 64> events_{};
};

}  // namespace mabeam::supervisor

// What the service manager is told, by the protocol of sd_notify(3): a datagram to $NOTIFY_SOCKET.
// Spoken here rather than through libsystemd, which is one function for us and a library to ship.
#pragma once

#include "supervisor/event_loop.hpp"

#include <string_view>

namespace mabeam::supervisor {

/// "READY=1", "STOPPING=1". Without a service manager it does nothing; it never waits.
void notify_service_manager(std::string_view state) noexcept;

/// "RELOADING=1" with the time, which what follows ("READY=1") ends.
void notify_reloading(Time now);

/// The service manager's watchdog: it kills a service that has given no sign of life for the time
/// that $WATCHDOG_USEC says.
class Watchdog {
 public:
  /// Of the environment; off where it says nothing, or means another process ($WATCHDOG_PID).
  Watchdog();

  /// Gives a sign, if half of the time is over: to be called whenever the work loop comes round.
  void tell(Time now);

  /// When the next sign is due.
  [[nodiscard]] Time deadline() const { return next_; }

 private:
  Time interval_{0};  ///< 0: off
  Time next_ = Time::max();
};

}  // namespace mabeam::supervisor

// What the service manager is told, by the protocol of sd_notify(3): a datagram to $NOTIFY_SOCKET.
// Spoken here rather than through libsystemd, which is one function for us and a library to ship.
#pragma once

#include <string_view>

namespace mabeam::supervisor {

/// "READY=1", "STOPPING=1". Without a service manager it does nothing; it never waits.
void notify_service_manager(std::string_view state) noexcept;

}  // namespace mabeam::supervisor

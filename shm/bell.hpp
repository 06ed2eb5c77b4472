// The supervisor's bell: how a worker or a client wakes a supervisor that sleeps in epoll, where no
// futex reaches it (pitfall 2.4).
//
// It is a datagram socket of the abstract namespace, "\0mabeam-<name>-<pid>", so nothing is left in
// the file system and a new supervisor never meets its predecessor's. One byte is sent; what it
// means is found in the segment. A ring may be lost (no supervisor, a full socket, another network
// namespace): the supervisor scans every 250 ms, so the bell only makes it faster.
#pragma once

#include "shm/segment.hpp"

#include <cstddef>

#include <sys/socket.h>
#include <sys/un.h>

namespace mabeam::shm {

/// An address of the abstract namespace; `length` counts, since it holds zero bytes.
struct BellAddress {
  sockaddr_un address{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

/// Where the supervisor of that runtime listens, if it is that process.
BellAddress bell_address(std::string_view runtime, ProcessId supervisor);

/// Wakes the supervisor, if there is one. Never waits; async-signal-safe it is not.
void ring_supervisor(const Segment& segment) noexcept;

}  // namespace mabeam::shm

#include "supervisor/bell.hpp"

#include "shm/bell.hpp"

#include <array>
#include <cerrno>

#include <sys/socket.h>

namespace mabeam::supervisor {

Result<Bell> Bell::open(std::string_view runtime, shm::ProcessId self) {
  Bell bell;
  bell.socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!bell.socket_) return fail_system(errno);
  const shm::BellAddress address = shm::bell_address(runtime, self);
  if (::bind(bell.fd(), address.get(), address.length) != 0) return fail_system(errno);
  return bell;
}

void Bell::hush() noexcept {
  // Bounded: who floods the socket may cost us turns of the loop, but never hold it.
  std::array<char, 16> ring{};
  for (int rings = 0; rings < 256; ++rings) {
    if (::recv(fd(), ring.data(), ring.size(), 0) < 0) return;
  }
}

}  // namespace mabeam::supervisor

#include "shm/bell.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <unistd.h>

namespace mabeam::shm {
namespace {

constexpr std::string_view kPrefix = "mabeam-";

// A name has at most 32 bytes, a pid 10 digits: it always fits behind the leading zero.
static_assert(sizeof(sockaddr_un::sun_path) > 1 + kPrefix.size() + 32 + 1 + 10);

}  // namespace

BellAddress bell_address(std::string_view runtime, ProcessId supervisor) {
  BellAddress result;
  result.address.sun_family = AF_UNIX;
  auto& path = result.address.sun_path;
  char* end = std::copy(kPrefix.begin(), kPrefix.end(), path + 1);
  end = std::copy(runtime.begin(), runtime.end(), end);
  *end++ = '-';
  end = std::to_chars(end, std::end(path), supervisor.pid()).ptr;
  result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                         static_cast<std::size_t>(end - path));
  return result;
}

void ring_supervisor(const Segment& segment) noexcept {
  const ProcessId supervisor{segment.header().supervisor.load(std::memory_order_acquire)};
  if (!supervisor) return;
  // A socket for each ring: they are rare, and a library may not keep a descriptor in a program
  // that closes those it does not know.
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const BellAddress to = bell_address(segment.name(), supervisor);
  const char ring = 1;
  [[maybe_unused]] const auto sent = ::sendto(fd, &ring, 1, MSG_NOSIGNAL, to.get(), to.length);
  ::close(fd);
}

}  // namespace mabeam::shm

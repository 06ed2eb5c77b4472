#include "supervisor/notify.hpp"

#include "supervisor/descriptor.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include <sys/socket.h>
#include <sys/un.h>

namespace mabeam::supervisor {

void notify_service_manager(std::string_view state) noexcept {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the supervisor has one thread.
  const char* path_text = std::getenv("NOTIFY_SOCKET");
  if (path_text == nullptr) return;
  const std::string_view path = path_text;
  sockaddr_un address{};
  const bool is_socket_name = path.starts_with('/') || path.starts_with('@');
  if (!is_socket_name || path.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  if (path.front() == '@') address.sun_path[0] = '\0';  // of the abstract namespace
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  [[maybe_unused]] const auto sent =
      ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace mabeam::supervisor

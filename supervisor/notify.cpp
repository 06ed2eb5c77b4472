#include "supervisor/notify.hpp"

#include "supervisor/descriptor.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

/// A whole number in the environment; 0 where there is none.
std::int64_t environment_number(const char* variable) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): one thread
  if (text == nullptr) return 0;
  const std::string_view digits = text;
  std::int64_t number = 0;
  const auto end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end ? number : 0;
}

}  // namespace

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

void notify_reloading(Time now) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  notify_service_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}

Watchdog::Watchdog() {
  const std::int64_t us = environment_number("WATCHDOG_USEC");
  const std::int64_t meant = environment_number("WATCHDOG_PID");
  if (us <= 0 || us > std::int64_t{3600} * 1'000'000 || (meant != 0 && meant != ::getpid())) return;
  interval_ = std::chrono::microseconds{us} / 2;
  next_ = Time{0};
}

void Watchdog::tell(Time now) {
  if (now < next_) return;
  next_ = now + interval_;
  notify_service_manager("WATCHDOG=1");
}

}  // namespace mabeam::supervisor

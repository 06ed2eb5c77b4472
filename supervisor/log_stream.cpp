#include "supervisor/log_stream.hpp"

#include <climits>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {

LogStream::LogStream(int fd) : fd_(fd) {
  struct stat status {};

  if (::fstat(fd, &status) != 0) return;
  is_socket_ = S_ISSOCK(status.st_mode);
  is_terminal_ = ::isatty(fd) == 1;
  if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) return;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  may_wait_ = !own_;
  if (own_) fd_ = own_.get();
}

ssize_t LogStream::try_write(std::string_view line) const noexcept {
  if (is_socket_) return ::send(fd_, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (may_wait_) {
    pollfd room{fd_, POLLOUT, 0};
    if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return -1;
  }
  return ::write(fd_, line.data(), line.size());
}

void LogStream::write(std::string_view line) noexcept {
  // Up to PIPE_BUF bytes go into a pipe whole or not at all; no line of ours is longer.
  line = line.substr(0, PIPE_BUF);
  if (try_write(line) < 0) ++dropped_;
}

}  // namespace mabeam::supervisor

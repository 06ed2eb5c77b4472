#include "tools/serve/http_connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mabeam::tools {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

HttpConnection::~HttpConnection() {
  ::shutdown(socket_, SHUT_RDWR);
  ::close(socket_);
}

bool HttpConnection::wait_for(short events, milliseconds time) const {
  pollfd wanted{.fd = socket_, .events = events, .revents = 0};
  return ::poll(&wanted, 1, static_cast<int>(time.count())) == 1 &&
         (wanted.revents & (events | POLLHUP)) != 0;
}

bool HttpConnection::is_readable() const {
  if (next_ < end_) return true;
  const auto left = std::chrono::ceil<milliseconds>(limits_.read_until - steady_clock::now());
  return taken_ < limits_.read_bytes && left.count() > 0 && wait_for(POLLIN, left);
}

bool HttpConnection::fill() {
  if (!is_readable()) return false;
  const std::size_t most = std::min(buffer_.size(), limits_.read_bytes - taken_);
  const ssize_t count = ::recv(socket_, buffer_.data(), most, 0);
  if (count <= 0) return false;
  next_ = 0;
  end_ = static_cast<std::size_t>(count);
  taken_ += end_;
  return true;
}

ssize_t HttpConnection::read(char* into, std::size_t size) {
  if (next_ == end_ && !fill()) return -1;
  const std::size_t count = std::min(size, end_ - next_);
  std::memcpy(into, buffer_.data() + next_, count);
  next_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t HttpConnection::write(const char* from, std::size_t size) {
  for (std::size_t sent = 0; sent < size;) {
    if (!wait_for(POLLOUT, limits_.write_time)) return -1;
    const ssize_t count = ::send(socket_, from + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return -1;
    sent += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
  return static_cast<ssize_t>(size);
}

bool HttpConnection::is_open() const {
  pollfd peer{.fd = socket_, .events = POLLRDHUP, .revents = 0};
  return ::poll(&peer, 1, 0) == 0;
}

}  // namespace mabeam::tools

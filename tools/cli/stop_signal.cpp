#include "tools/cli/stop_signal.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <limits>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace mabeam::tools {

namespace {

// A signal handler has no other way to its owner than these.
std::atomic<bool> stop_flag{false};
std::array<int, 2> stop_pipe{-1, -1};

void on_stop_signal(int /*signal*/) {
  const int saved = errno;
  stop_flag.store(true, std::memory_order_relaxed);
  // A full pipe is readable already, so whether this byte went in does not matter.
  [[maybe_unused]] const auto written = ::write(stop_pipe[1], "", 1);
  errno = saved;
}

}  // namespace

void watch_stop_signals() {
  if (stop_pipe[0] == -1 && ::pipe2(stop_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    stop_pipe = {-1, -1};
  }

  struct sigaction action {};

  action.sa_handler = on_stop_signal;
  // No SA_RESTART, so that a blocked read returns. sa_flags is an int, SA_RESETHAND may not be.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() {
  return stop_flag.load(std::memory_order_relaxed);
}

int stop_descriptor() {
  return stop_pipe[0];
}

void sleep_unless_stopped(std::chrono::nanoseconds duration) {
  pollfd stop{.fd = stop_descriptor(), .events = POLLIN, .revents = 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  const auto most = std::int64_t{std::numeric_limits<int>::max()};
  ::poll(&stop, 1, static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, most)));
}

}  // namespace mabeam::tools

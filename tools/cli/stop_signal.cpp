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
std::atomic<LastAct> last_act{nullptr};
static_assert(std::atomic<LastAct>::is_always_lock_free);

/// Ends the process by this signal. It is blocked while its handler runs, so it strikes behind
/// that.
void die_of(int signal) {
  if (const LastAct act = last_act.exchange(nullptr)) act();
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void on_stop_signal(int signal) {
  static std::array<std::atomic<bool>, 2> has_asked{};
  const int saved = errno;
  if (has_asked[signal == SIGTERM ? 1 : 0].exchange(true)) die_of(signal);
  stop_flag.store(true, std::memory_order_relaxed);
  // A full pipe is readable already, so whether this byte went in does not matter.
  [[maybe_unused]] const auto written = ::write(stop_pipe[1], "", 1);
  errno = saved;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};

  action.sa_handler = handler;  // no SA_RESTART, so that a blocked read returns
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction action {};

  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void watch_stop_signals() {
  if (stop_pipe[0] == -1 && ::pipe2(stop_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    stop_pipe = {-1, -1};
  }
  handle(SIGINT, on_stop_signal);
  handle(SIGTERM, on_stop_signal);
}

void set_last_act(LastAct act) {
  last_act.store(act);
  for (const int signal : {SIGHUP, SIGQUIT}) {
    if (!is_ignored(signal)) handle(signal, act == nullptr ? SIG_DFL : die_of);
  }
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

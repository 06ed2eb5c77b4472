#include "supervisor/event_loop.hpp"

#include "shm/clock.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/signalfd.h>
#include <sys/timerfd.h>

namespace mabeam::supervisor {
namespace {

std::uint64_t pack(Event event) {
  return std::uint64_t{static_cast<std::uint32_t>(event.source)} << 32U | event.index;
}

Event unpack(std::uint64_t word) {
  return {static_cast<Source>(word >> 32U), static_cast<std::uint32_t>(word)};
}

}  // namespace

Time now() {
  return Time{shm::monotonic_ns()};
}

Result<EventLoop> EventLoop::create(std::span<const int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals)
    ::sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail_system(errno);
  EventLoop loop;
  loop.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  loop.signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  loop.timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!loop.epoll_ || !loop.signals_ || !loop.timer_) return fail_system(errno);
  for (const auto& [fd, source] : {std::pair{loop.signals_.get(), Source::signal},
                                   std::pair{loop.timer_.get(), Source::timer}}) {
    if (const Result<> watched = loop.watch(fd, {source}); !watched) return fail(watched.error());
  }
  return loop;
}

Result<> EventLoop::watch(int fd, Event event) {
  epoll_event entry{};
  entry.events = EPOLLIN;
  entry.data.u64 = pack(event);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &entry) != 0) return fail_system(errno);
  return {};
}

void EventLoop::forget(int fd) noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const Event> EventLoop::wait(Time deadline) {
  set_timer(deadline);
  std::array<epoll_event, std::tuple_size_v<decltype(events_)>> entries;
  const int count =
      ::epoll_wait(epoll_.get(), entries.data(), static_cast<int>(entries.size()), -1);
  const auto found = static_cast<std::size_t>(std::max(count, 0));  // EINTR: nothing yet
  for (std::size_t i = 0; i < found; ++i) {
    events_[i] = unpack(entries[i].data.u64);
    if (events_[i].source != Source::timer) continue;
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto bytes = ::read(timer_.get(), &expirations, sizeof expirations);
    armed_ = kNever;
  }
  return std::span{events_}.first(found);
}

void EventLoop::set_timer(Time deadline) noexcept {
  if (deadline == armed_) return;
  armed_ = deadline;
  itimerspec when{};  // all zero disarms it
  if (deadline != kNever) {
    // A deadline in the past must not be 0, which would disarm the timer.
    const Time at = std::max(deadline, Time{1});
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at);
    when.it_value = {seconds.count(), (at - seconds).count()};
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

std::optional<int> EventLoop::next_signal() noexcept {
  signalfd_siginfo info{};
  const auto bytes = ::read(signals_.get(), &info, sizeof info);
  if (bytes != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace mabeam::supervisor

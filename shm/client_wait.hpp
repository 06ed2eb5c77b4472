// ClientWaiter: how a client waits: polls, yields, sleeps at its doorbell.
//
// Every wait ends: by what it waits for, by its deadline, or by the end of the runtime. A client
// that spins polls until then; one that blocks polls for 20 us, yields for 100 us, then sleeps in
// slices, so that even a wake that nobody sent costs one slice.
#pragma once

#include "shm/clock.hpp"
#include "shm/doorbell.hpp"
#include "shm/segment.hpp"
#include "shm/spin.hpp"

#include "mabeam/client.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include <sched.h>

namespace mabeam::shm {

enum class Waited : std::uint8_t { done, timed_out, gone };

/// What a wait that ended without success tells the caller.
inline Errc error_of(Waited waited, Errc when_timed_out) {
  return waited == Waited::gone ? Errc::not_running : when_timed_out;
}

class ClientWaiter {
 public:
  /// The longest sleep for what is announced by a ring of the bell, and for what is not.
  static constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds{100};
  static constexpr std::chrono::nanoseconds kUnrung = std::chrono::milliseconds{1};

  /// `on_idle` runs before every sleep: what else there is to do, once. `segment` and `bell`
  /// outlive this.
  ClientWaiter(const Segment& segment, Doorbell& bell, WaitMode mode, std::function<void()> on_idle)
      : segment_(segment),
        bell_(bell),
        mode_(mode),
        on_idle_(std::move(on_idle)) {}

  /// Until done(), which stays true once it is, or until the deadline; sleeps at most `slice` long.
  template <class Done>
  Waited until(std::int64_t deadline_ns, std::chrono::nanoseconds slice, Done&& done) {
    const std::int64_t began = monotonic_ns();
    for (;;) {
      for (int tries = 0; tries < kTries; ++tries) {
        if (done()) return Waited::done;
        pause_cpu();
      }
      const bool is_gone = this->is_gone();
      const std::int64_t now = monotonic_ns();
      if (is_gone || now >= deadline_ns) {
        if (done()) return Waited::done;
        return is_gone ? Waited::gone : Waited::timed_out;
      }
      if (mode_ == WaitMode::spin || now - began < kSpinNs) continue;
      if (now - began < kYieldNs) {
        ::sched_yield();
        continue;
      }
      on_idle_();
      sleep_at(bell_, std::min(slice, std::chrono::nanoseconds{deadline_ns - now}), done);
    }
  }

  /// True when the runtime has ended: nobody will answer any more.
  [[nodiscard]] bool is_gone() const {
    const RuntimeState state = segment_.state();
    return state == RuntimeState::stopped || state == RuntimeState::removed;
  }

 private:
  static constexpr int kTries = 32;
  static constexpr std::int64_t kSpinNs = 20'000;
  static constexpr std::int64_t kYieldNs = 120'000;

  const Segment& segment_;
  Doorbell& bell_;
  WaitMode mode_;
  std::function<void()> on_idle_;
};

}  // namespace mabeam::shm

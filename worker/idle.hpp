// What an idle worker does: spins, yields, then sleeps, as the configuration says.
#pragma once

#include "shm/layout.hpp"
#include "shm/spin.hpp"

#include <cstdint>

#include <sched.h>

namespace mabeam::worker {

/// Counts how long there has been nothing to do. busy_spin never sleeps, block sleeps almost at
/// once.
class Idle {
 public:
  void reset() noexcept { rounds_ = 0; }

  /// One idle round. Returns true when it is time to sleep in the kernel.
  bool wait(shm::IdleMode mode) noexcept {
    ++rounds_;
    if (mode == shm::IdleMode::busy_spin) {
      shm::pause_cpu();
      return false;
    }
    const std::uint32_t spins = mode == shm::IdleMode::block ? 16 : kSpins;
    if (rounds_ <= spins) {
      shm::pause_cpu();
      return false;
    }
    if (rounds_ <= spins + kYields) {
      ::sched_yield();
      return false;
    }
    rounds_ = 0;
    return true;
  }

 private:
  static constexpr std::uint32_t kSpins = 2000;
  static constexpr std::uint32_t kYields = 20;

  std::uint32_t rounds_ = 0;
};

}  // namespace mabeam::worker

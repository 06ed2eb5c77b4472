// The hint of a loop that waits for another processor.
#pragma once

namespace mabeam::shm {

/// Tells the core that it spins.
inline void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace mabeam::shm

// What every benchmark here needs: two processes pinned to two CPUs, memory that both see, and
// percentiles of round trips.
#pragma once

#include "shm/spin.hpp"

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include <sys/mman.h>
#include <sys/types.h>

namespace mabeam::bench {

using shm::pause_cpu;

/// Binds this process to a CPU (modulo how many there are).
void pin(unsigned cpu);

/// A T in memory that forked children share; zeroed, touched, unmapped at the end.
template <class T>
class Shared {
 public:
  Shared()
      : memory_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)),
        object_(new (memory_) T) {}

  ~Shared() { ::munmap(memory_, sizeof(T)); }

  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T& operator*() const { return *object_; }

  T* operator->() const { return object_; }

 private:
  void* memory_;
  T* object_;
};

/// Runs `child` in a process on CPU 1 and `parent` here on CPU 0. Returns the seconds from the
/// moment when both are ready until both have ended.
double run_pair(const std::function<void()>& parent, const std::function<void()>& child);

/// As run_pair(), with several children on CPUs 1, 0, 1, ...
double run_many(const std::function<void()>& parent,
                const std::vector<std::function<void()>>& children);

/// Time stamps for single round trips: the TSC where there is one.
std::uint64_t ticks() noexcept;
double nanoseconds_per_tick();

/// The value below which `share` of the samples lie; reorders them.
double percentile_ns(std::span<std::uint32_t> samples, double share);

/// Puts the best messages per second of all iterations into the counters: what disturbs a run only
/// ever makes it slower.
void report_rate(benchmark::State& state, std::uint64_t messages, double seconds);

}  // namespace mabeam::bench

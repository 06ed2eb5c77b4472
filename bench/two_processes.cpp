#include "bench/two_processes.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

namespace mabeam::bench {

void pin(unsigned cpu) {
  const auto count = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu % count, &cpus);
  ::sched_setaffinity(0, sizeof cpus, &cpus);
}

double run_many(const std::function<void()>& parent,
                const std::vector<std::function<void()>>& children) {
  const Shared<std::atomic<std::size_t>> ready;
  const std::size_t wanted = children.size() + 1;
  const auto meet = [&] {
    ready->fetch_add(1);
    while (ready->load() < wanted)
      pause_cpu();
  };
  std::fflush(nullptr);
  std::vector<pid_t> pids;
  for (std::size_t i = 0; i < children.size(); ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      pin(static_cast<unsigned>(1 + i));
      meet();
      children[i]();
      ::_exit(0);
    }
    pids.push_back(pid);
  }
  pin(0);
  meet();
  const auto began = std::chrono::steady_clock::now();
  parent();
  for (const pid_t pid : pids)
    ::waitpid(pid, nullptr, 0);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double run_pair(const std::function<void()>& parent, const std::function<void()>& child) {
  return run_many(parent, {child});
}

std::uint64_t ticks() noexcept {
  return __rdtsc();
}

double nanoseconds_per_tick() {
  static const double ratio = [] {
    const auto began = std::chrono::steady_clock::now();
    const std::uint64_t first = ticks();
    std::chrono::nanoseconds passed{0};
    while (passed < std::chrono::milliseconds{50}) {
      passed = std::chrono::steady_clock::now() - began;
    }
    return static_cast<double>(passed.count()) / static_cast<double>(ticks() - first);
  }();
  return ratio;
}

double percentile_ns(std::span<std::uint32_t> samples, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), samples.begin() + at, samples.end());
  return samples[static_cast<std::size_t>(at)] * nanoseconds_per_tick();
}

void report_rate(benchmark::State& state, std::uint64_t messages, double seconds) {
  state.SetIterationTime(seconds);
  double& best = state.counters["msg_per_s"].value;
  best = std::max(best, static_cast<double>(messages) / seconds);
}

}  // namespace mabeam::bench

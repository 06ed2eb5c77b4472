#include "tests/support/instruction_sweep.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::testing {
namespace {

/// Tracer and tracee on one CPU: a step is then a switch, not a wake-up of another core.
void pin_to_first_cpu() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  ::sched_setaffinity(0, sizeof cpus, &cpus);
}

bool wait_for_stop(pid_t child, int signal) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return false;
  return WIFSTOPPED(status) && WSTOPSIG(status) == signal;
}

pid_t start(const Sweep& sweep) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  sweep.prepare();
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  sweep.operation();
  ::raise(SIGSTOP);
  ::_exit(0);
}

/// One instruction. False if the operation has ended.
bool step(pid_t child) {
  if (::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) return false;
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return false;
  return WSTOPSIG(status) != SIGSTOP;
}

void end(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

void count(SweepResult& result, std::uint64_t instructions, const std::string& broken) {
  ++result.kill_points;
  if (broken.empty()) {
    ++result.recovered;
    return;
  }
  ++result.broken;
  if (result.first_broken.empty()) {
    result.first_broken = "after " + std::to_string(instructions) + " instructions: " + broken;
  }
}

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace

SweepResult run_sweep(const Sweep& sweep, std::uint64_t most_broken) {
  pin_to_first_cpu();
  const Stopwatch watch;
  SweepResult result;
  sweep.reset();
  const pid_t child = start(sweep);
  bool goes_on = wait_for_stop(child, SIGSTOP);
  if (!goes_on) count(result, 0, "the child died before the sweep began");
  for (std::uint64_t n = 0; goes_on && result.broken < most_broken; ++n) {
    sweep.save();
    count(result, n, sweep.recover_and_check());
    sweep.restore();
    goes_on = step(child);
  }
  count(result, result.kill_points, sweep.recover_and_check());
  end(child);
  result.seconds = watch.seconds();
  return result;
}

SweepResult run_kills(const Sweep& sweep, std::uint64_t instructions, std::uint64_t points) {
  pin_to_first_cpu();
  const Stopwatch watch;
  SweepResult result;
  const std::uint64_t stride = points == 0 ? 1 : instructions / points + 1;
  for (std::uint64_t n = 0; n <= instructions; n += stride) {
    sweep.reset();
    const pid_t child = start(sweep);
    if (!wait_for_stop(child, SIGSTOP)) {
      count(result, 0, "the child died before the sweep began");
      return result;
    }
    for (std::uint64_t i = 0; i < n && step(child); ++i) {
    }
    end(child);
    count(result, n, sweep.recover_and_check());
  }
  result.seconds = watch.seconds();
  return result;
}

std::string summary(const SweepResult& result) {
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(), "kill points %llu, recovered %llu, broken %llu, %.1f s",
                static_cast<unsigned long long>(result.kill_points),
                static_cast<unsigned long long>(result.recovered),
                static_cast<unsigned long long>(result.broken), result.seconds);
  return line.data();
}

}  // namespace mabeam::testing

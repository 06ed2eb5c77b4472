#include "tests/support/instruction_sweep.hpp"

#include "worker/testing/stepped_child.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace mabeam::testing {
namespace {

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

SweepResult run_sweep(const Sweep& sweep, const SweepOptions& options) {
  const Stopwatch watch;
  SweepResult result;
  const auto look = [&] {
    if (sweep.meanwhile) sweep.meanwhile();
  };
  sweep.reset();
  SteppedChild child{sweep.prepare, sweep.operation};
  bool goes_on = child.is_ready();
  if (!goes_on) count(result, 0, "the child died before the sweep began");
  std::string broken;
  for (std::uint64_t n = 0; goes_on && result.broken < options.most_broken; ++n) {
    look();
    if (n % options.stride == 0) {
      if (n == 0 || !sweep.has_changed || sweep.has_changed()) {
        sweep.save();
        broken = sweep.recover_and_check();
        sweep.restore();
        ++result.distinct;
      }
      count(result, n, broken);
    }
    goes_on = child.step();
  }
  look();
  count(result, result.kill_points * options.stride, sweep.recover_and_check());
  ++result.distinct;
  result.seconds = watch.seconds();
  return result;
}

SweepResult run_kills(const Sweep& sweep, std::uint64_t instructions, std::uint64_t points) {
  const Stopwatch watch;
  SweepResult result;
  const std::uint64_t stride = points == 0 ? 1 : instructions / points + 1;
  for (std::uint64_t n = 0; n <= instructions; n += stride) {
    sweep.reset();
    {
      SteppedChild child{sweep.prepare, sweep.operation};
      if (!child.is_ready()) {
        count(result, 0, "the child died before the sweep began");
        return result;
      }
      for (std::uint64_t i = 0; i < n && child.step(); ++i) {
        if (sweep.meanwhile) sweep.meanwhile();
      }
    }
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

// SteppedChild: a forked process that runs one operation instruction by instruction, under ptrace.
// One that is stopped has changed exactly what one killed there would have.
#pragma once

#include <functional>

#include <sys/types.h>

namespace mabeam::testing {

class SteppedChild {
 public:
  /// Forks; the child prepares, stops, and waits for its first step. Both stay on one CPU: a step
  /// is then a switch, not a wake-up of another core.
  SteppedChild(const std::function<void()>& prepare, const std::function<void()>& operation);
  /// Kills it.
  ~SteppedChild();
  SteppedChild(const SteppedChild&) = delete;
  SteppedChild& operator=(const SteppedChild&) = delete;

  /// False if the child died before its first step, or ptrace was refused.
  [[nodiscard]] bool is_ready() const { return is_ready_; }

  /// One instruction, or one whole read of the clock. False if the operation has ended.
  bool step();

  /// What is left of the operation, at its own pace. False if the child has died over it.
  bool finish();

 private:
  pid_t pid_;
  bool is_ready_;
};

}  // namespace mabeam::testing

// StopFlag: a stop that is told to every thread that waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace mabeam::tools {

class StopFlag {
 public:
  void set() {
    const std::scoped_lock lock(mutex_);
    is_set_ = true;
    changed_.notify_all();
  }

  bool is_set() {
    const std::scoped_lock lock(mutex_);
    return is_set_;
  }

  /// True once it is set.
  bool wait(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return is_set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

}  // namespace mabeam::tools

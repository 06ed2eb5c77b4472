// Connections: a thread for each connection, so that none keeps another waiting. Threads come when
// they are needed and stay; there are no more than there may be connections.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mabeam::tools {

class Connections {
 public:
  explicit Connections(std::size_t most) : most_(most) {}

  /// Has a thread run it. Waits while all are taken: who accepts connections then accepts no more,
  /// and the kernel's queue holds those that come.
  void serve(std::function<void()> connection);

  /// Waits for the end of all. No serve() after it.
  void finish();

 private:
  void run();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool is_over_ = false;
};

}  // namespace mabeam::tools

#include "tools/serve/connections.hpp"

#include <utility>

namespace mabeam::tools {

void Connections::serve(std::function<void()> connection) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return idle_ > waiting_.size() || threads_.size() < most_; });
  waiting_.push_back(std::move(connection));
  if (idle_ < waiting_.size()) threads_.emplace_back([this] { run(); });
  changed_.notify_all();
}

void Connections::finish() {
  {
    const std::scoped_lock lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_)
    thread.join();
}

void Connections::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !waiting_.empty() || is_over_; });
    --idle_;
    if (waiting_.empty()) return;
    const std::function<void()> connection = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    connection();
    lock.lock();
  }
}

}  // namespace mabeam::tools

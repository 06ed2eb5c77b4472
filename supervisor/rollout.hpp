// Rollout: workers restarted one by one, because their settings have changed.
//
// The next one is restarted when the last is ready. One that ends before it is ready shows that the
// new settings do not work: the old ones come back, and who has the new ones is restarted with
// them. Going back waits for nobody to prove anything: those settings have worked before.
#pragma once

#include "supervisor/config.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace mabeam::supervisor {

class Rollout {
 public:
  /// `workers`: in the order in which they are restarted. `before`: what they run with now.
  Rollout(std::vector<std::uint32_t> workers, WorkerConfig before)
      : left_(std::move(workers)),
        before_(std::move(before)) {}

  /// The worker that is being restarted.
  [[nodiscard]] std::optional<std::uint32_t> current() const { return current_; }

  /// The next one, which is current then; nothing when all are done.
  std::optional<std::uint32_t> next() {
    if (current_) done_.push_back(*current_);
    current_.reset();
    if (left_.empty()) return std::nullopt;
    current_ = left_.front();
    left_.erase(left_.begin());
    return current_;
  }

  /// True for one whose turn has not come: it still has the old settings.
  [[nodiscard]] bool has_old_settings(std::uint32_t worker) const {
    return std::find(left_.begin(), left_.end(), worker) != left_.end();
  }

  [[nodiscard]] bool is_going_back() const { return is_going_back_; }

  [[nodiscard]] const WorkerConfig& before() const { return before_; }

  /// The current one has failed: it, and those before it, are to have the old settings again. The
  /// current one is restarted by whoever saw it fail.
  void go_back() {
    is_going_back_ = true;
    left_ = std::exchange(done_, {});
  }

 private:
  std::vector<std::uint32_t> left_;
  std::vector<std::uint32_t> done_;
  WorkerConfig before_;
  std::optional<std::uint32_t> current_;
  bool is_going_back_ = false;
};

}  // namespace mabeam::supervisor

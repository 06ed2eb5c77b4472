// JointRestart: workers that are restarted together, since the strategy is not one_for_one.
//
// As OTP has it: all of them end before the first is started again. They end all at once, since a
// worker needs no other to end well, and are started in the order of their numbers, when whoever
// has failed is due. Who fails meanwhile, or is found waiting for a restart of its own, joins; how
// one ends is of no account then: it was about to be ended.
#pragma once

#include "supervisor/event_loop.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace mabeam::supervisor {

class JointRestart {
 public:
  /// One whose process is to end.
  void await(std::uint32_t worker) { has_ended_.emplace(worker, false); }

  /// One without a process, not to be started before `due`.
  void add_ended(std::uint32_t worker, Time due) {
    has_ended_[worker] = true;
    due_ = std::max(due_, due);
  }

  /// It is not to be started: it has left, or its breaker is open.
  void forget(std::uint32_t worker) {
    has_ended_.erase(worker);
    if (has_ended_.empty()) due_ = Time{0};
  }

  [[nodiscard]] bool is_empty() const { return has_ended_.empty(); }

  [[nodiscard]] bool has(std::uint32_t worker) const { return has_ended_.contains(worker); }

  /// When they start; nothing while one of them runs, or where there are none.
  [[nodiscard]] std::optional<Time> due() const {
    const bool is_complete = std::all_of(has_ended_.begin(), has_ended_.end(),
                                         [](const auto& each) { return each.second; });
    if (has_ended_.empty() || !is_complete) return std::nullopt;
    return due_;
  }

  /// All of them, in the order of their numbers. None is left.
  std::vector<std::uint32_t> take() {
    std::vector<std::uint32_t> workers;
    for (const auto& [worker, has_ended] : has_ended_)
      workers.push_back(worker);
    has_ended_.clear();
    due_ = Time{0};
    return workers;
  }

 private:
  std::map<std::uint32_t, bool> has_ended_;
  Time due_{0};
};

}  // namespace mabeam::supervisor

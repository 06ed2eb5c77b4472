// Tasks: the coroutines of a shard's agents that wait for an answer (mabeam/task.hpp), each by the
// call that it waits for. Private memory: they end with their owner, and what stays in the call's
// timer says who is to be told (shm/timers.hpp).
#pragma once

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"
#include "mabeam/task.hpp"

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>

namespace mabeam::worker {

class Tasks {
 public:
  /// No call.
  static constexpr TimerId kNone{};

  struct Waiting {
    std::unique_ptr<glue::TaskFrame> frame;  ///< null: it has failed, and nobody knows yet
    Errc failure{};
    bool is_own_failure = false;  ///< its handler's, which its agent's type has a rule for
  };

  void begin_message() noexcept { begun_ = kNone; }

  /// The current message has begun it.
  void begin(TimerId call, std::unique_ptr<glue::TaskFrame> frame) {
    waiting_.insert_or_assign(call, Waiting{std::move(frame)});
    begun_ = call;
  }

  /// What it has begun has never been.
  void undo_message() noexcept {
    if (begun_ == kNone) return;
    waiting_.erase(begun_);
    begun_ = kNone;
  }

  /// Null if it is not here.
  [[nodiscard]] Waiting* find(TimerId call) noexcept {
    const auto found = waiting_.find(call);
    return found == waiting_.end() ? nullptr : &found->second;
  }

  /// It waits for another call now.
  void go_on(TimerId call, TimerId next) {
    auto node = waiting_.extract(call);
    node.key() = next;
    waiting_.insert(std::move(node));
  }

  void end(TimerId call) noexcept { waiting_.erase(call); }

  /// Ends those whose call is not one that `waits`.
  template <class Waits>
  void end_unless(Waits&& waits) {
    std::erase_if(waiting_, [&](const auto& each) { return !waits(each.first); });
  }

  void clear() noexcept { waiting_.clear(); }

  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

 private:
  std::unordered_map<TimerId, Waiting> waiting_;
  TimerId begun_ = kNone;
};

}  // namespace mabeam::worker

// Calls that are timers of those that have made them (context_calls.cpp).
#include "worker/timers.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::TimerLabel;
using shm::TimerWord;

Result<TimerId> Timers::set_call(AgentId agent, Symbol action, std::int64_t due_ns, AgentId callee,
                                 const ReplyTo* asked) {
  return take(agent, {TimerLabel::kCall, action}, due_ns, callee.value(), asked);
}

// The record is free until the turn's words are stored, and then says it all at once.
void Timers::note_overflow(TimerId call, std::int64_t due_ns) noexcept {
  const std::uint32_t index = static_cast<std::uint32_t>(call) - 1;
  shm::TimerRecord& timer = table_[index];
  shm::TaskWord task = task_in(index);
  task.has_overflowed = true;
  timer.asked.store(task.pack(), std::memory_order_relaxed);
  timer.due_ns.store(static_cast<std::uint64_t>(due_ns), std::memory_order_relaxed);
  find_change(index)->entry.due_ns = due_ns;
}

AgentId Timers::callee_in(std::uint32_t index, TimerLabel label) const noexcept {
  return AgentId{label.is_call() ? table_[index].period_ns.load(std::memory_order_relaxed) : 0};
}

Result<AgentId> Timers::callee_of(AgentId agent, TimerId call) const {
  const std::uint32_t index = static_cast<std::uint32_t>(call) - 1;
  if (index >= table_.size()) return fail(Errc::not_found);
  const TimerLabel label = label_of(index);
  const auto change = std::find_if(changes_.begin(), changes_.end(),
                                   [&](const Change& each) { return each.index == index; });
  const std::uint64_t owner = change == changes_.end() ? entries_[index].word : change->entry.word;
  const bool is_its = label.is_call() && call == id_of(index, label.serial) && !is_over(index) &&
                      owner == TimerWord{agent.generation(), agent.slot()}.pack();
  if (!is_its) return fail(Errc::not_found);
  return callee_in(index, label);
}

std::int64_t Timers::due_ns(TimerId timer) const noexcept {
  const std::uint32_t index = static_cast<std::uint32_t>(timer) - 1;
  return static_cast<std::int64_t>(table_[index].due_ns.load(std::memory_order_relaxed));
}

}  // namespace mabeam::worker

// Calls that coroutines wait for (mabeam/task.hpp): timers that say, too, whom the coroutine is to
// answer.
#include "worker/timers.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::TaskWord;
using shm::TimerRecord;
using shm::TimerWord;

// The record is free, so nobody reads it before its word is stored.
void Timers::note_asked(TimerRecord& timer, const ReplyTo* asked) noexcept {
  const ReplyTo of = asked == nullptr ? ReplyTo{} : *asked;
  timer.caller.store(of.caller.value(), std::memory_order_relaxed);
  timer.correlation.store(of.correlation, std::memory_order_relaxed);
  timer.deadline_ns.store(static_cast<std::uint64_t>(of.deadline_ns), std::memory_order_relaxed);
  timer.asked.store(TaskWord{asked != nullptr, of.action}.pack(), std::memory_order_relaxed);
}

TaskWord Timers::task_in(std::uint32_t index) const noexcept {
  if (!label_of(index).is_call()) return {};
  return TaskWord::unpack(table_[index].asked.load(std::memory_order_relaxed));
}

bool Timers::is_lost(std::uint32_t index) const noexcept {
  return entries_[index].due_ns == kLost && is_task_in(index);
}

bool Timers::is_task(TimerId call) const noexcept {
  const std::uint32_t index = static_cast<std::uint32_t>(call) - 1;
  return index < table_.size() && call == id_of(index, label_of(index).serial) && is_task_in(index);
}

// What is damaged is a caller that does not exist, or takes no such answer.
ReplyTo Timers::asked_by(TimerId call) const noexcept {
  if (!is_task(call)) return {};
  const TimerRecord& timer = table_[static_cast<std::uint32_t>(call) - 1];
  return {AgentId{timer.caller.load(std::memory_order_relaxed)},
          timer.correlation.load(std::memory_order_relaxed),
          static_cast<std::int64_t>(timer.deadline_ns.load(std::memory_order_relaxed)),
          TaskWord::unpack(timer.asked.load(std::memory_order_relaxed)).action, 0};
}

std::vector<TimerId> Timers::tasks_of(AgentId agent) const {
  const std::uint64_t word = TimerWord{agent.generation(), agent.slot()}.pack();
  std::vector<TimerId> calls;
  const auto add = [&](std::uint32_t index) {
    if (is_task_in(index)) calls.push_back(id_of(index, label_of(index).serial));
  };
  for (const Change& change : changes_) {
    if (change.entry.word == word) add(change.index);
  }
  std::uint32_t left = owned_[agent.slot()];
  for (std::uint32_t index = 0; left != 0; ++index) {
    const std::uint64_t owner = entries_[index].word;
    if (owner == 0 || TimerWord::unpack(owner).slot != agent.slot()) continue;
    --left;
    const bool is_changed = std::any_of(changes_.begin(), changes_.end(),
                                        [&](const Change& each) { return each.index == index; });
    if (owner == word && !is_changed && !is_over(index)) add(index);
  }
  return calls;
}

bool Timers::is_set(TimerId timer) const noexcept {
  const std::uint32_t index = static_cast<std::uint32_t>(timer) - 1;
  return index < table_.size() && entries_[index].word != 0 &&
         timer == id_of(index, label_of(index).serial);
}

}  // namespace mabeam::worker

#include "worker/timers.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::TimerLabel;
using shm::TimerRecord;
using shm::TimerWord;
using shm::WordKind;

namespace {

/// Never past the end of time. Neither is negative.
std::int64_t later(std::int64_t time_ns, std::int64_t period_ns) {
  return period_ns > Timers::kNever - time_ns ? Timers::kNever : time_ns + period_ns;
}

/// Of a damaged record, a time all the same.
std::int64_t time_in(const shm::Word& word) {
  const std::uint64_t value = word.load(std::memory_order_relaxed);
  return shm::is_timer_time(value) ? static_cast<std::int64_t>(value) : 0;
}

}  // namespace

Timers::Timers(const shm::Segment& segment, std::uint32_t shard)
    : endpoint_(shm::Segment::endpoint_of_shard(shard)),
      agents_(segment.agents(shard)),
      table_(segment.timers(shard)) {
}

void Timers::open() {
  entries_.assign(table_.size(), {});
  queue_.clear();
  next_due_ns_ = kNever;
  owned_.assign(agents_.size(), 0);
  free_.clear();
  free_.reserve(table_.size());
  fired_.clear();
  held_.clear();
  forget_changes();
  for (auto index = static_cast<std::uint32_t>(table_.size()); index-- > 0;) {
    const std::uint64_t word = table_[index].word.load(std::memory_order_relaxed);
    if (is_task_in(index) && agents_.exists(agent_of(word))) {
      put(index, {word, kLost});
    } else if (agents_.is_alive(agent_of(word))) {
      put(index, {word, time_in(table_[index].due_ns)});
    } else {
      free_.push_back(index);
    }
  }
}

// Nobody's, if the word names no agent of this shard.
AgentId Timers::agent_of(std::uint64_t word) const noexcept {
  const TimerWord owner = TimerWord::unpack(word);
  const std::uint32_t slot = std::min(owner.slot, AgentId::kClientSlot);
  return {static_cast<EndpointId>(endpoint_), slot, owner.generation};
}

TimerLabel Timers::label_of(std::uint32_t index) const noexcept {
  return TimerLabel::unpack(table_[index].label.load(std::memory_order_relaxed));
}

// ---- the queue -------------------------------------------------------------------------------

void Timers::enqueue(std::uint32_t index, std::int64_t due_ns) {
  queue_.emplace(due_ns, index);
  next_due_ns_ = queue_.begin()->first;
}

void Timers::dequeue(std::uint32_t index, std::int64_t due_ns) {
  queue_.erase({due_ns, index});
  next_due_ns_ = queue_.empty() ? kNever : queue_.begin()->first;
}

// What a turn has made of a record. It is in the queue as its entry says, or has left it.
void Timers::put(std::uint32_t index, const Entry& entry) {
  Entry& old = entries_[index];
  if (old.word != 0) {
    dequeue(index, old.due_ns);
    --owned_[TimerWord::unpack(old.word).slot];
  }
  old = entry;
  if (entry.word != 0) {
    enqueue(index, entry.due_ns);
    ++owned_[TimerWord::unpack(entry.word).slot];
  } else {
    free_.push_back(index);
  }
}

Timers::Due Timers::due_of(std::uint32_t index) const noexcept {
  const TimerLabel label = label_of(index);
  const shm::TaskWord task = task_in(index);
  return {index,
          label,
          agent_of(entries_[index].word),
          entries_[index].due_ns,
          callee_in(index, label),
          task.is_task,
          task.has_overflowed};
}

std::optional<Timers::Due> Timers::next(std::int64_t now_ns) {
  while (next_due_ns_ <= now_ns && !queue_.empty()) {
    const std::uint32_t index = queue_.begin()->second;
    const AgentId agent = agent_of(entries_[index].word);
    const Lifecycle lifecycle = agents_.lifecycle_of(agent);
    const bool is_cancelled = find_change(index) != changes_.end();  // by this turn
    const bool waits_on = is_task_in(index) && agents_.exists(agent);
    if (is_cancelled || (lifecycle == Lifecycle::free && !waits_on)) {
      // Its agent is gone by damage: then the record is free for the next owner, not amid a turn.
      dequeue(index, entries_[index].due_ns);
    } else if (!is_lost(index) &&
               (lifecycle == Lifecycle::suspended || lifecycle == Lifecycle::resuming)) {
      dequeue(index, entries_[index].due_ns);
      held_[agent.slot()].push_back(index);
    } else {
      return due_of(index);
    }
  }
  return std::nullopt;
}

// Some may have been cancelled meanwhile, and be another agent's now.
void Timers::release(std::uint32_t slot) {
  const auto held = held_.find(slot);
  if (held == held_.end()) return;
  for (const std::uint32_t index : held->second) {
    const Entry& entry = entries_[index];
    if (entry.word != 0 && agent_of(entry.word).slot() == slot) enqueue(index, entry.due_ns);
  }
  held_.erase(held);
}

void Timers::fire(const Due& due, std::int64_t now_ns) {
  const std::int64_t period_ns = due.label.is_call() ? 0 : time_in(table_[due.index].period_ns);
  std::int64_t next_ns = kOver;
  if (period_ns != 0) {
    next_ns = later(due.due_ns, period_ns);
    if (next_ns <= now_ns) next_ns = later(now_ns, period_ns);
  }
  dequeue(due.index, due.due_ns);
  fired_.push_back({due.index, next_ns});
}

void Timers::take_back() {
  const std::uint32_t index = fired_.back().index;
  fired_.pop_back();
  enqueue(index, entries_[index].due_ns);
}

// ---- what a message changes ------------------------------------------------------------------

void Timers::open_message() noexcept {
  if (is_message_open_) return;
  is_message_open_ = true;
  overwritten_.clear();
  before_ = {changes_.size(), slots_ended_.size(), taken_};
}

Result<TimerId> Timers::set(AgentId agent, Symbol name, std::int64_t due_ns,
                            std::int64_t period_ns) {
  return take(agent, {0, name}, due_ns, static_cast<std::uint64_t>(period_ns));
}

// The label's serial is the record's next; of the one that is given the mark of a call counts.
Result<TimerId> Timers::take(AgentId agent, TimerLabel label, std::int64_t due_ns,
                             std::uint64_t period, const ReplyTo* asked) {
  open_message();
  if (has_no_more_changes()) return fail(Errc::too_many_changes);
  if (taken_ >= free_.size()) return fail(Errc::timers_full);
  const std::uint32_t index = free_[free_.size() - 1 - taken_];
  TimerRecord& timer = table_[index];
  label.serial |= label_of(index).next_serial();
  timer.due_ns.store(static_cast<std::uint64_t>(due_ns), std::memory_order_relaxed);
  timer.period_ns.store(period, std::memory_order_relaxed);
  timer.label.store(label.pack(), std::memory_order_relaxed);
  note_asked(timer, asked);
  changes_.push_back({index, {TimerWord{agent.generation(), agent.slot()}.pack(), due_ns}});
  ++taken_;
  return id_of(index, label.serial);
}

// True if this turn has fired it for the last time: its word is on the list already.
bool Timers::is_over(std::uint32_t index) const noexcept {
  return std::any_of(fired_.begin(), fired_.end(), [&](const Fired& fired) {
    return fired.index == index && fired.due_ns == kOver;
  });
}

Result<> Timers::cancel(AgentId agent, TimerId timer) {
  const std::uint32_t index = static_cast<std::uint32_t>(timer) - 1;
  const std::uint64_t word = TimerWord{agent.generation(), agent.slot()}.pack();
  if (index >= table_.size() || timer != id_of(index, label_of(index).serial) || is_over(index)) {
    return fail(Errc::not_found);
  }
  open_message();
  const auto change = find_change(index);
  const Entry& now = change == changes_.end() ? entries_[index] : change->entry;
  if (now.word != word) return fail(Errc::not_found);
  if (change != changes_.end()) {
    overwrite(*change);  // each word once: the last value counts
    return {};
  }
  if (has_no_more_changes()) return fail(Errc::too_many_changes);
  changes_.push_back({index, {}});
  return {};
}

Timers::Changes::iterator Timers::find_change(std::uint32_t index) noexcept {
  return std::find_if(changes_.begin(), changes_.end(),
                      [&](const Change& each) { return each.index == index; });
}

void Timers::overwrite(Change& change) {
  const auto at = static_cast<std::size_t>(&change - changes_.data());
  if (at < before_.changes) overwritten_.push_back({at, change.entry});
  change.entry = {};
}

Result<> Timers::cancel_all(AgentId agent) {
  const std::uint64_t word = TimerWord{agent.generation(), agent.slot()}.pack();
  open_message();
  for (Change& change : changes_) {
    if (change.entry.word == word) overwrite(change);
  }
  std::uint32_t left = owned_[agent.slot()];
  for (std::uint32_t index = 0; left != 0; ++index) {
    const std::uint64_t owner = entries_[index].word;
    if (owner == 0 || TimerWord::unpack(owner).slot != agent.slot()) continue;
    --left;
    const bool is_changed = find_change(index) != changes_.end();
    if (owner != word || is_changed || is_over(index)) continue;
    if (has_no_more_changes()) return fail(Errc::too_many_changes);
    changes_.push_back({index, {}});
  }
  return {};
}

void Timers::undo_message() noexcept {
  if (!is_message_open_) return;
  for (const Overwritten& each : overwritten_)
    changes_[each.change].entry = each.entry;
  overwritten_.clear();
  changes_.resize(before_.changes);
  slots_ended_.resize(before_.slots_ended);
  taken_ = before_.taken;
}

void Timers::forget_changes() noexcept {
  changes_.clear();
  slots_ended_.clear();
  taken_ = 0;
  is_message_open_ = false;
}

// ---- the turn's end --------------------------------------------------------------------------

void Timers::stage_changes(shm::Turn& turn) {
  for (const Change& change : changes_)
    turn.stage(WordKind::timer, change.index, table_[change.index].word, change.entry.word);
  for (const Fired& fired : fired_) {
    if (fired.due_ns != kOver) continue;
    turn.stage(WordKind::timer, fired.index, table_[fired.index].word, 0);
  }
  for (const Fired& fired : fired_) {
    if (fired.due_ns == kOver) continue;
    turn.stage(WordKind::timer_due, fired.index, table_[fired.index].due_ns,
               static_cast<std::uint64_t>(fired.due_ns));
  }
}

void Timers::settle_changes() {
  free_.resize(free_.size() - taken_);
  for (const Fired& fired : fired_) {
    const std::uint64_t word = fired.due_ns == kOver ? 0 : entries_[fired.index].word;
    put(fired.index, {word, fired.due_ns});
  }
  for (const Change& change : changes_)
    put(change.index, change.entry);
  for (const std::uint32_t slot : slots_ended_)
    free_timers_of(slot);
  fired_.clear();
  forget_changes();
}

void Timers::free_timers_of(std::uint32_t slot) {
  held_.erase(slot);
  for (std::uint32_t index = 0; owned_[slot] != 0; ++index) {
    const std::uint64_t word = entries_[index].word;
    if (word != 0 && TimerWord::unpack(word).slot == slot) put(index, {});
  }
}

}  // namespace mabeam::worker

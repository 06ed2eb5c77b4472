// Timers: those of one shard's agents, and which of them is due next.
//
// The queue is private memory, rebuilt by open(); so is which records are free. What a message sets
// and cancels is out of sight until the turn's words are stored, and so is what the turn has fired,
// yet a timer leaves the queue as it fires: it fires once a turn at most, however late it is.
#pragma once

#include "shm/registry.hpp"
#include "shm/segment.hpp"
#include "shm/timers.hpp"
#include "shm/turn.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"
#include "mabeam/result.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mabeam::worker {

class Timers {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  /// Timers that one message may set and cancel.
  static constexpr std::size_t kMaxChanges = 128;
  /// Those that messages may have changed, and the turn goes on with another: the redo list has
  /// room for these, for one message's, and for what is fired.
  static constexpr std::size_t kMostBefore = 23;
  /// Timers that one turn may fire.
  static constexpr std::uint32_t kMaxFired = 32;

  Timers(const shm::Segment& segment, std::uint32_t shard);

  /// Rebuilds what is derived.
  void open();

  /// kNever if there is none.
  [[nodiscard]] std::int64_t next_due_ns() const noexcept { return next_due_ns_; }

  /// One timer that is due.
  struct Due {
    std::uint32_t index = 0;
    shm::TimerLabel label;
    AgentId agent;
    std::int64_t due_ns = 0;
    AgentId callee;               ///< of a call that was not answered
    bool is_task = false;         ///< that a coroutine waits for
    bool has_overflowed = false;  ///< the call

    [[nodiscard]] TimerId id() const noexcept { return id_of(index, label.serial); }
  };

  /// The first that is due, of an agent that is ready, and that this turn has not fired. One of an
  /// agent that is suspended or resuming is held back, however often it was due, until release().
  [[nodiscard]] std::optional<Due> next(std::int64_t now_ns);

  /// Takes what next() gave out of the queue: it is over with this turn, or due again a period from
  /// when it was due; a period from now, if that has passed.
  void fire(const Due& due, std::int64_t now_ns);
  /// Of the timer that was fired last: it has not been, after all.
  void take_back();

  /// Of the timer that was fired last: it never fires again.
  void end_last() noexcept { fired_.back().due_ns = kOver; }

  /// The agent in that slot is ready again: what was held back is due.
  void release(std::uint32_t slot);

  /// Errors: timers_full, too_many_changes.
  Result<TimerId> set(AgentId agent, Symbol name, std::int64_t due_ns, std::int64_t period_ns);
  /// The same for a call to `callee`, which is due when it has not been answered. A coroutine waits
  /// for it, if that is to answer what was `asked`.
  Result<TimerId> set_call(AgentId agent, Symbol action, std::int64_t due_ns, AgentId callee,
                           const ReplyTo* asked = nullptr);
  /// Of a call that this message has set: it is a dead letter, and told so then.
  void note_overflow(TimerId call, std::int64_t due_ns) noexcept;
  /// Errors: not_found, too_many_changes.
  Result<> cancel(AgentId agent, TimerId timer);

  /// Which agent the call of that id went to, if this agent has made it and it is not answered.
  /// Errors: not_found.
  [[nodiscard]] Result<AgentId> callee_of(AgentId agent, TimerId call) const;

  /// When a timer that there is, by its id, is due.
  [[nodiscard]] std::int64_t due_ns(TimerId timer) const noexcept;

  // timers_tasks.cpp: calls that coroutines wait for

  /// True if a coroutine waits, or has waited, for the call of that id.
  [[nodiscard]] bool is_task(TimerId call) const noexcept;
  /// Whom that is to answer.
  [[nodiscard]] ReplyTo asked_by(TimerId call) const noexcept;
  /// Those calls of an agent: that there are, and that this turn has made.
  [[nodiscard]] std::vector<TimerId> tasks_of(AgentId agent) const;
  /// True if the last turn has left that timer set.
  [[nodiscard]] bool is_set(TimerId timer) const noexcept;

  /// True if the agent in that slot has any.
  [[nodiscard]] bool has_any(std::uint32_t slot) const noexcept { return owned_[slot] != 0; }

  /// How many it has.
  [[nodiscard]] std::uint32_t count_of(std::uint32_t slot) const noexcept { return owned_[slot]; }

  /// All that the agent has, and those that this message has set. Errors: too_many_changes.
  Result<> cancel_all(AgentId agent);

  /// The agent ends with this turn, and all its timers with it.
  void end_agent(std::uint32_t slot) {
    open_message();
    slots_ended_.push_back(slot);
  }

  void begin_message() noexcept { is_message_open_ = false; }

  void undo_message() noexcept;

  /// True when the turn is to end with this message.
  [[nodiscard]] bool is_turn_full() const noexcept { return changes_.size() > kMostBefore; }

  void stage(shm::Turn& turn) {
    if (is_changed()) stage_changes(turn);
  }

  /// After the commit: brings what is derived up to date.
  void settle() {
    if (is_changed()) settle_changes();
  }

 private:
  static constexpr std::int64_t kOver = 0;
  static constexpr std::int64_t kLost = 0;  // when the call of a coroutine that is gone is due

  /// What is known of a record. `word` 0: free.
  struct Entry {
    std::uint64_t word = 0;
    std::int64_t due_ns = 0;
  };

  struct Change {
    std::uint32_t index = 0;
    Entry entry;
  };

  /// A change of an earlier message of the turn, as it was before this message.
  struct Overwritten {
    std::size_t change = 0;
    Entry entry;
  };

  using Changes = std::vector<Change>;

  struct Fired {
    std::uint32_t index = 0;
    std::int64_t due_ns = 0;  ///< next, or kOver
  };

  static TimerId id_of(std::uint32_t index, std::uint32_t serial) noexcept {
    return static_cast<TimerId>(std::uint64_t{serial} << 32U | (index + 1));
  }

  [[nodiscard]] bool is_changed() const noexcept {
    return !fired_.empty() || !changes_.empty() || !slots_ended_.empty();
  }

  [[nodiscard]] AgentId agent_of(std::uint64_t word) const noexcept;
  [[nodiscard]] shm::TimerLabel label_of(std::uint32_t index) const noexcept;
  [[nodiscard]] bool is_over(std::uint32_t index) const noexcept;
  void open_message() noexcept;
  void overwrite(Change& change);
  void forget_changes() noexcept;

  [[nodiscard]] bool has_no_more_changes() const noexcept {
    return changes_.size() - before_.changes >= kMaxChanges;
  }

  [[nodiscard]] Changes::iterator find_change(std::uint32_t index) noexcept;
  [[nodiscard]] AgentId callee_in(std::uint32_t index, shm::TimerLabel label) const noexcept;
  Result<TimerId> take(AgentId agent, shm::TimerLabel label, std::int64_t due_ns,
                       std::uint64_t period, const ReplyTo* asked = nullptr);
  void note_asked(shm::TimerRecord& timer, const ReplyTo* asked) noexcept;
  [[nodiscard]] shm::TaskWord task_in(std::uint32_t index) const noexcept;

  [[nodiscard]] bool is_task_in(std::uint32_t index) const noexcept {
    return task_in(index).is_task;
  }

  [[nodiscard]] bool is_lost(std::uint32_t index) const noexcept;
  void put(std::uint32_t index, const Entry& entry);
  [[nodiscard]] Due due_of(std::uint32_t index) const noexcept;
  void enqueue(std::uint32_t index, std::int64_t due_ns);
  void dequeue(std::uint32_t index, std::int64_t due_ns);
  void stage_changes(shm::Turn& turn);
  void settle_changes();
  void free_timers_of(std::uint32_t slot);

  std::uint32_t endpoint_;
  shm::AgentTable agents_;
  shm::TimerTable table_;

  std::vector<Entry> entries_;                              // by record: as the last turn left it
  std::set<std::pair<std::int64_t, std::uint32_t>> queue_;  // due time and record
  std::int64_t next_due_ns_ = kNever;
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> held_;  // by slot: records
  std::vector<std::uint32_t> owned_;                                    // by agent's slot: how many
  std::vector<std::uint32_t> free_;                                     // the last is taken next
  std::size_t taken_ = 0;

  Changes changes_;                         // of the current turn, each record once
  std::vector<Fired> fired_;                // by the current turn
  std::vector<std::uint32_t> slots_ended_;  // by the current turn
  std::vector<Overwritten> overwritten_;    // by the current message
  bool is_message_open_ = false;            // it has changed something

  struct {
    std::size_t changes = 0, slots_ended = 0, taken = 0;
  } before_;  // what the message found
};

}  // namespace mabeam::worker

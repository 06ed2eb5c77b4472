// Agents: the states that a turn has touched, and the agents that it makes and ends. All of it is
// out of sight until the turn's words are stored: states are changed in their idle halves, new
// records are written into free slots.
//
// Undo. The first touch of an agent in a turn copies its current half into the idle one; forgetting
// the touch undoes it. An agent touched before in the same turn has its only copy in the idle half,
// so a pre-image is taken in private memory before the handler (pitfall 1.7); for states over
// kLargestPreImage the shard commits first instead. All of it is done with bytes: a state that is
// kept serialized (agents_stored.cpp) is an object only while its handler runs.
//
// A state that is not durable has its two halves in private memory (transient_states.hpp) and no
// word on the list: what is committed is which half counts.
//
// What can be derived from the records (free slots, who is subscribed, who has which children) is
// private memory, rebuilt by open() and kept up to date by settle().
#pragma once

#include "shm/registry.hpp"
#include "shm/segment.hpp"
#include "shm/turn.hpp"
#include "shm/wire.hpp"
#include "worker/changes.hpp"
#include "worker/children.hpp"
#include "worker/metadata_pool.hpp"
#include "worker/subscription_book.hpp"
#include "worker/transient_states.hpp"
#include "worker/types.hpp"

#include "mabeam/result.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace mabeam::worker {

class Agents {
 public:
  static constexpr std::uint32_t kLargestPreImage = 512;
  /// Words of the index that go with one name, beside its own.
  static constexpr std::uint32_t kMostTombstones = 8;

  Agents(const shm::Segment& segment, std::uint32_t shard);

  /// Rebuilds what is derived.
  void open();

  [[nodiscard]] const shm::AgentTable& table() const { return table_; }

  /// True if touching this agent again needs a commit first.
  [[nodiscard]] bool needs_commit_first(std::uint32_t slot) const noexcept {
    return stamps_[slot] == stamp_ && touched_bytes(slot) > kLargestPreImage;
  }

  /// True if this turn has touched the agent already.
  [[nodiscard]] bool is_touched(std::uint32_t slot) const noexcept {
    return stamps_[slot] == stamp_;
  }

  /// The header of the agent's idle half, with its state behind it, to be changed in place.
  [[gnu::always_inline]] shm::StateHeader* touch(std::uint32_t slot) {
    const shm::AgentRecord& agent = table_.record(slot);
    if (agent.storage != 0) [[unlikely]]
      return touch_stored(slot);
    const std::uint64_t version = agent.version.load(std::memory_order_relaxed);
    std::byte* idle = table_.half(slot, version + 1);
    const std::size_t bytes = sizeof(shm::StateHeader) +
                              std::min<std::uint64_t>(agent.state_bytes, table_.max_state_bytes());
    if (stamps_[slot] != stamp_) {
      stamps_[slot] = stamp_;
      touched_.push_back(slot);
      std::memcpy(idle, table_.half(slot, version), bytes);
    } else if (!pre_image_slot_ && bytes <= pre_image_.size()) {
      std::memcpy(pre_image_.data(), idle, bytes);
      pre_image_slot_ = slot;
      pre_image_bytes_ = bytes;
    }
    return reinterpret_cast<shm::StateHeader*>(idle);
  }

  /// The bytes of an agent's state as the last turn left it.
  [[nodiscard]] std::span<const std::byte> committed_state(std::uint32_t slot) const noexcept;

  /// The header of that state.
  [[nodiscard]] const shm::StateHeader& committed_header(std::uint32_t slot) const noexcept {
    return *reinterpret_cast<const shm::StateHeader*>(current_half(slot));
  }

  /// Gives an agent whose state is not durable, and went with its last owner, its first one again.
  /// Errors: as make_afresh().
  Result<> make_lost_state(std::uint32_t slot, const TypeDescriptor& type);

  /// What a serialized state may be long: max_state_bytes.
  [[nodiscard]] std::uint32_t most_state_bytes() const noexcept { return most_state_bytes_; }

  /// What a new agent is made from.
  struct Plan {
    Symbol type{};
    const TypeDescriptor* descriptor = nullptr;
    AgentId parent;
    shm::CreateRequest request;
    std::int64_t created_unix_ns = 0;
    std::span<const std::byte> initial = {};  ///< empty: State{}
    std::string_view metadata = {};
  };

  /// Writes the record into a free slot and stages its words; on_start is the caller's.
  /// Errors: too_many_agents, name_taken, subscriptions_full, state_too_large, too_many_changes,
  /// invalid_argument, handler_failed (there is no first state), schema_mismatch (`initial` is
  /// none), metadata_full.
  Result<AgentId> create(const Plan& plan, std::int64_t now_ns);

  /// Ends an agent: its slot, name and subscriptions become free. Errors: too_many_changes, with
  /// some of that staged.
  Result<> end(std::uint32_t slot);

  /// From this turn's commit on the agent takes no messages. Errors: too_many_changes.
  Result<> mark_terminating(std::uint32_t slot);

  [[nodiscard]] AgentId id_of(std::uint32_t slot) const;

  [[nodiscard]] const Children& children() const noexcept { return children_; }

  /// True if this agent may be ended together with others: this turn has not touched it, so undoing
  /// needs no pre-image, and the list has room for its words.
  [[nodiscard]] bool can_end_among_others(std::uint32_t slot) const noexcept {
    return !is_touched(slot) &&
           changes_.size() + 2 + kMostTombstones + subscriptions_.count_of(slot) <= Changes::kMost;
  }

  /// True if the current message has ended that agent, which lives.
  [[nodiscard]] bool is_ending(std::uint32_t slot) noexcept {
    return changes_.has(table_.record(slot).slot_word);
  }

  /// True if a subscription is in force and not taken away by this message, or made by it.
  [[nodiscard]] bool is_subscribed(std::uint32_t slot, Symbol pattern, AgentId source) noexcept;

  /// Suspends an agent, or resumes it: what it is then, and why. Errors: too_many_changes.
  Result<> set_lifecycle(std::uint32_t slot, Lifecycle lifecycle, Errc reason);

  /// True if the slot's agent is one that the current message makes.
  [[nodiscard]] bool is_being_made(std::uint32_t slot) const noexcept;

  /// What is noted of an agent, as the current message has left it.
  [[nodiscard]] std::string_view metadata(std::uint32_t slot) noexcept;

  /// Notes other metadata of an agent; returns whether it is other. Errors: invalid_argument,
  /// metadata_full, too_many_changes: nothing has changed.
  Result<bool> set_metadata(std::uint32_t slot, std::string_view text);

  /// Errors: subscriptions_full, too_many_changes.
  Result<> subscribe(std::uint32_t slot, Symbol pattern, std::int64_t now_ns, AgentId source = {});
  /// Of one source, or of all.
  Result<> unsubscribe(std::uint32_t slot, Symbol pattern, std::optional<AgentId> source = {});

  void begin_turn() noexcept;

  void begin_message() noexcept {
    touched_before_ = touched_.size();
    pre_image_slot_.reset();
    if (!changes_.empty()) forget_changes();
  }

  void undo_message() noexcept;

  /// True if this turn has made, ended or subscribed anything: then it ends with this message.
  [[nodiscard]] bool changed_structure() const noexcept { return !changes_.empty(); }

  [[nodiscard]] bool changed_subscriptions() const noexcept { return subscription_changes_ != 0; }

  [[nodiscard]] std::uint32_t created() const noexcept { return created_; }

  [[nodiscard]] std::uint32_t ended() const noexcept { return ended_; }

  /// After the commit, before settle(): note(slot, lifecycle) for each that this turn has changed.
  template <class Note>
  void for_each_lifecycle(Note&& note) {
    for (const Change& change : changes_) {
      if (change.kind != shm::WordKind::agent_slot) continue;
      note(change.index, static_cast<Lifecycle>(shm::SlotWord::unpack(change.value).lifecycle));
    }
  }

  void stage(shm::Turn& turn);
  /// After the commit: brings what is derived up to date.
  void settle();

  using Entry = SubscriptionBook::Entry;

  [[nodiscard]] const std::vector<Entry>& subscriptions() const noexcept {
    return subscriptions_.in_force();
  }

  /// Raised whenever subscriptions() has changed.
  [[nodiscard]] std::uint64_t subscription_version() const noexcept { return version_; }

 private:
  [[nodiscard]] AgentId source_in(std::uint32_t index) const noexcept {
    return AgentId{subscription_table_[index].source.load(std::memory_order_relaxed)};
  }

  Result<> enter_name(std::uint32_t slot, std::string_view name);
  Result<> leave_name(std::uint32_t index);
  [[nodiscard]] Result<std::uint32_t> take_slot() const;
  Result<> write_record(std::uint32_t slot, const Plan& plan);
  void forget_changes() noexcept;
  void settle_metadata();

  // agents_stored.cpp: states that are not simply as long as their record says
  shm::StateHeader* touch_stored(std::uint32_t slot);

  [[nodiscard]] std::uint64_t touched_bytes(std::uint32_t slot) const noexcept {
    const shm::AgentRecord& agent = table_.record(slot);
    return agent.storage == 0 ? agent.state_bytes : idle_state(slot).size();
  }

  Result<> keep_reason(std::uint32_t slot, Errc reason);
  [[nodiscard]] std::uint16_t kept_reason(std::uint32_t slot) const noexcept;
  shm::StateHeader* give_transient(std::uint32_t slot, const TypeDescriptor& type);
  void settle_transient();
  [[nodiscard]] std::byte* current_half(std::uint32_t slot) const noexcept;
  [[nodiscard]] std::byte* idle_half(std::uint32_t slot) const noexcept;
  [[nodiscard]] std::span<const std::byte> idle_state(std::uint32_t slot) const noexcept;
  [[nodiscard]] std::span<const std::byte> state_in(const std::byte* half,
                                                    std::uint32_t slot) const noexcept;

  std::uint32_t shard_;
  std::uint32_t most_state_bytes_;
  shm::AgentTable table_;
  shm::SubscriptionTable subscription_table_;
  Children children_;

  std::vector<std::uint32_t> stamps_;  // by slot: the turn that touched it last
  std::uint32_t stamp_ = 0;
  std::vector<std::uint32_t> touched_;  // slots of this turn
  std::size_t touched_before_ = 0;
  std::vector<std::byte> pre_image_;
  std::optional<std::uint32_t> pre_image_slot_;
  std::size_t pre_image_bytes_ = 0;
  TransientStates transient_;

  Changes changes_;
  std::vector<std::uint32_t> free_slots_;  // the last is taken next
  std::size_t slots_taken_ = 0;
  std::vector<std::uint32_t> slots_ended_;
  std::uint32_t subscription_changes_ = 0;
  std::uint32_t created_ = 0;
  std::uint32_t ended_ = 0;

  MetadataPool metadata_;
  SubscriptionBook subscriptions_;
  std::uint64_t version_ = 1;
};

}  // namespace mabeam::worker

// Shard: an endpoint that hosts agents, in the hands of its owner. Runs its messages in turns.
//
// One message, exactly:
//   1. the witness names it, in case its handler kills the process;
//   2. its agent's state is copied into the idle half, what it sends is claimed out of sight;
//   3. the handler returns: an error undoes this message alone; a full ring undoes it and leaves it
//      where it is;
//   4. the turn commits: one store, then the words (shm/turn.hpp).
//
// A turn takes up to turn_messages messages or turn_time of work, and less when nothing waits.
// Replies and other high messages come first, yet of 64 messages normal gets at least 12 and low 4
// where they wait; senders take turns. A message that changes structure ends its turn.
//
// Timers that are due have a quarter of a turn, before its messages and behind them by turns; one
// that waits for room holds those behind it, as a message holds its ring.
//
// Agents that are not durable have lost their state when an owner adopts the shard: they are begun
// anew before anything else is taken (shard_lost.cpp).
//
// After a crash (recovery.cpp) messages are taken one a turn until the one that the witness named
// has passed; one that has killed max_attempts owners becomes a dead letter.
#pragma once

#include "shm/call_breakers.hpp"
#include "shm/clock.hpp"
#include "shm/letters.hpp"
#include "shm/rates.hpp"
#include "shm/segment.hpp"
#include "shm/turn.hpp"
#include "shm/turn_words.hpp"
#include "shm/wire.hpp"
#include "worker/agents.hpp"
#include "worker/bereaved.hpp"
#include "worker/burial_notes.hpp"
#include "worker/cancelled.hpp"
#include "worker/inbox.hpp"
#include "worker/life_events.hpp"
#include "worker/outbox.hpp"
#include "worker/parking.hpp"
#include "worker/subscribers.hpp"
#include "worker/tasks.hpp"
#include "worker/timers.hpp"
#include "worker/tracer.hpp"
#include "worker/types.hpp"

#include "mabeam/context.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mabeam::worker {

/// The tunables of the header, as one turn uses them.
struct Limits {
  std::uint32_t turn_messages = 64;
  std::int64_t turn_time_ns = 50'000;
  std::uint32_t max_attempts = 3;
  std::int64_t stall_timeout_ns = 1'000'000'000;
  std::uint64_t trace_sample = 0;  ///< of shm::kSampleAll: timers that begin a trace
};

class Shard {
 public:
  /// `segment`, `types` and `clock` outlive the shard; the clock is refreshed by whoever runs
  /// turns, and here after each that took something. `shard` from 0 on. Nothing is said of burials
  /// where there are no `notes`; those of a worker outlive its shards.
  Shard(const shm::Segment& segment, const Types& types, shm::CachedClock& clock,
        std::uint32_t shard, BurialNotes* notes = nullptr);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// Takes the shard over, after a first start and after a crash alike (recovery.cpp).
  /// Errors: corrupt: the shard is parked, and its word says so.
  Result<> adopt(shm::Incarnation self);

  /// Finishes nothing and lets go: the last turn has been applied. For an orderly exit.
  void let_go() noexcept;

  /// The worker has gone over its soft limit, or is under it again: the next turn tells it.
  void note_limits(bool is_over) noexcept { limits_news_ = is_over; }

  /// Runs one turn. Returns how many messages it took: 0 when there was nothing to do.
  std::uint32_t run_turn(const Limits& limits);

  /// Rescans every ring and log: is there anything to do?
  [[nodiscard]] bool has_work() noexcept {
    if (!lost_.empty()) return !lost_blockage_;  // which come before anything else
    return inbox_.has_work() || (parking_.has_work() && !replay_blockage_) ||
           (!bereaved_.empty() && !end_blockage_);
  }

  /// What waits for suspended agents is its next owner's.
  [[nodiscard]] bool is_drained() noexcept {
    return inbox_.is_drained() && !parking_.has_work() && bereaved_.empty();
  }

  /// True while a message waits for room somewhere, so the shard must look again soon.
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_ != 0; }

  /// When the next timer is due: no sleep may last longer. Timers::kNever while they wait for room.
  [[nodiscard]] std::int64_t next_due_ns() const noexcept {
    return timer_blockage_ || !lost_.empty() ? Timers::kNever : timers_.next_due_ns();
  }

  [[nodiscard]] std::uint32_t endpoint() const noexcept { return endpoint_; }

  /// The bytes of an agent's state as the last turn left it; valid until the next.
  [[nodiscard]] std::span<const std::byte> state_of(std::uint32_t slot) const {
    return agents_.committed_state(slot);
  }

 private:
  static constexpr std::uint32_t kMostEnds = shm::kMostInOneMessage;

  friend struct mabeam::Context::Backend;

  enum class Outcome : std::uint8_t {
    passed,        ///< handled, failed or buried: the message is over
    blocked,       ///< undone, and left where it is
    commit_first,  ///< not begun, or not finished: the turn must commit before it goes on
  };

  /// What a pass over the parking log runs: nothing, a message, one that stays in the log.
  enum class Replay : std::uint8_t { none, running, kept };

  // shard.cpp: the turn
  void begin_turn() noexcept;
  void take_what_waits();
  void take_beside_ends();
  void take_messages();
  void commit();

  [[nodiscard]] bool is_over() noexcept {
    return is_full_ || taken_ >= limits_.turn_messages ||
           (taken_ >= next_clock_ && is_out_of_time());
  }

  bool is_out_of_time() noexcept;

  // shard_take.cpp: taking messages from rings and logs
  void take(Priority priority, std::uint32_t quota);
  std::uint32_t take_from_ring(Source& source, Priority priority, std::uint32_t quota);
  std::uint32_t take_from_log(Source& source, std::uint32_t quota);
  bool serve_event(Source& source, const shm::Record& record, std::uint32_t quota,
                   std::uint32_t& served);
  bool serve_subscriber(Source& source, const shm::Received& event, std::uint32_t slot,
                        std::uint64_t position);
  static bool was_overwritten(const Source& source) noexcept;
  [[nodiscard]] bool read_event(const Source& source, const shm::Record& record,
                                shm::Received& event) const;
  [[nodiscard]] bool has_payload(const Source& source, std::uint32_t priority,
                                 const shm::Record& record, shm::Received& message) const;
  Outcome bury_bare(shm::Received message);
  void give_up_ring(Source& source, Priority priority);
  void bury_corrupt(std::uint32_t endpoint, std::uint64_t bytes);
  bool is_unblocked(std::optional<Blockage>& blockage);

  // shard_timers.cpp: what is due
  void take_what_is_due();
  void take_with_timers();
  void fire_timers();
  Outcome handle_timer(const Timers::Due& due);
  Outcome run_timer(const Timers::Due& due, const shm::Received& message, std::uint64_t witness);
  Result<> call_hook(const TypeDescriptor& type, Context& context, void* state,
                     const Timers::Due& due, const shm::Received& message);

  // shard_message.cpp: one message; what is inline has one caller, on the hot path
  Outcome handle(const Source& source, const shm::Received& message, std::uint64_t witness);
  [[gnu::always_inline]] inline Outcome handle_kind(const shm::Received& message,
                                                    std::uint64_t witness);
  [[gnu::always_inline]] inline Outcome handle_for_agent(const shm::Received& message,
                                                         std::uint64_t witness);
  Outcome handle_event(const shm::Received& message, std::uint32_t slot, std::uint64_t witness);
  Outcome run_event(const shm::Received& message, std::uint32_t slot, std::uint64_t witness);
  Outcome handle_replayed(const shm::Received& message, std::uint64_t witness);
  Outcome finish_event(const shm::Received& message, AgentId self, const Result<>& ended);
  void bury_event(shm::DeadReason reason, const shm::Received& message, std::uint32_t slot);
  Outcome handle_create(const shm::Received& message);

  // shard_calls.cpp: answers to calls, and requests that are cancelled
  bool settle_call(const shm::Received& answer);
  [[nodiscard]] bool may_expire(const shm::Received& message) const noexcept;
  [[nodiscard]] bool is_cancelled(const shm::Received& request) noexcept;
  Outcome note_cancel(const shm::Received& message) noexcept;
  Outcome refuse_silently() noexcept;

  /// The timers of calls are on the redo list: it has room for so many.
  void end_full_turn() noexcept {
    if (timers_.is_turn_full()) is_full_ = true;
  }

  // shard_tasks.cpp: coroutines that wait for an answer
  [[nodiscard]] bool may_begin_task(AgentId id) const noexcept;
  Outcome handle_task(const shm::Received& answer);
  Outcome end_task(const shm::Received& answer, const Tasks::Waiting& failed);
  Result<> end_tasks(AgentId id);
  void end_frames();
  bool refuse_caller(AgentId self, const ReplyTo& asked, Errc code);

  // shard_pressure.cpp: what is told of congested rings
  void tell_pressure();
  // shard_limits.cpp
  void tell_limits();

  // shard_letters.cpp: dead letters settled; shard_describe.cpp: a state in words
  struct LetterRun {
    bool has_begun = false;     ///< its handler has been called
    bool has_answered = false;  ///< and has answered a request
  };

  Outcome handle_letter(const shm::Received& order);
  [[nodiscard]] Result<shm::Letter> find_letter(const shm::Received& order) const;
  Result<> deliver_letter(const shm::Received& order, const shm::Letter& letter, LetterRun& run);
  Result<> run_letter(const shm::Received& letter, LetterRun& run);
  Outcome handle_describe(const shm::Received& message);
  Result<std::string> describe_state(std::uint32_t slot);

  Outcome handle_stop_many(const shm::Received& message);
  // shard_metadata.cpp
  Outcome handle_update(const shm::Received& message);
  Result<> update_metadata(AgentId id, std::string_view text);
  Outcome finish_slowly(const shm::Received& message, const Result<>& result, bool replied);
  [[nodiscard]] std::string_view text_of(Symbol symbol) noexcept;
  Outcome refuse(const shm::Received& message, Errc code, shm::DeadReason reason);
  Outcome undo(Outcome outcome) noexcept;

  void begin_message(std::uint64_t witness) noexcept {
    if (!in_turn_) begin_turn();
    agents_.begin_message();
    timers_.begin_message();
    outbox_.begin_message();
    tracer_.begin_message();
    tasks_.begin_message();
    witness_ = witness;
    refused_before_ = record_.refused;
    doom_ = {};
    attempt_ = 1;
    if (record_.blamed_witness == witness && witness != 0) [[unlikely]]
      attempt_ += record_.blamed_count;
  }

  /// The current message is in a trace: what comes of it will be, too.
  void begin_span(const shm::Received& message, AgentId agent) noexcept {
    tracer_.begin(message, agent, attempt_);
    outbox_.inherit(tracer_.context());
  }

  Result<> answer(const shm::Received& message, Errc code, const PayloadRef& payload);

  /// The agents of one message, in its order.
  struct Made {
    std::array<std::uint64_t, shm::kMostInOneMessage> ids{};
    std::uint32_t count = 0;

    [[nodiscard]] PayloadRef payload() const { return std::as_bytes(std::span{ids.data(), count}); }
  };

  Result<> create_agents(Agents::Plan& plan, Made& made);
  Errc end_among_others(AgentId id);
  Result<AgentId> create_agent(const Agents::Plan& plan);
  Result<> end_agent(AgentId id, std::string_view reason = {}, bool runs_hook = true);
  void tell(Life what, AgentId id, std::string_view reason);
  tl::unexpected<Error> doom(Error error) noexcept;

  Outcome bury_poison(const shm::Received& message, AgentId agent);
  void note_poison(const shm::Received& message, AgentId agent);
  void pass() noexcept;

  // shard_stop.cpp: stopping, with descendants or without
  Outcome handle_stop(const shm::Received& message);
  Outcome end_tree(const shm::Received& message, std::string_view reason);
  Outcome end_share(std::span<const AgentId> roots, std::string_view reason);
  Result<bool> end_some(std::span<const AgentId> roots, std::string_view reason,
                        std::uint32_t budget);
  Result<bool> end_some(AgentId root, std::string_view reason, std::uint32_t& budget);
  Result<> end_one(AgentId id, std::string_view reason, bool runs_hook);
  bool end_stubborn(AgentId root, std::string_view reason);
  std::uint32_t descend(std::uint32_t slot, std::uint32_t& budget);
  [[nodiscard]] bool is_being_ended(const shm::Received& message) const noexcept;
  [[nodiscard]] bool ends_tree(const shm::Received& message) const noexcept;

  [[nodiscard]] bool runs_hooks() const noexcept { return attempt_ <= limits_.max_attempts; }

  // shard_stop_children.cpp: descendants on other shards, and those of others here
  Result<> tell_other_shards(std::string_view reason);
  Outcome handle_stop_children(const shm::Received& message);
  void end_bereaved();

  // shard_restart.cpp: starting anew
  Outcome handle_restart(const shm::Received& message);
  Result<> start_anew(const TypeDescriptor& type, AgentId id, std::string_view reason);
  Result<> resume_restarted(AgentId id);

  // shard_failure.cpp: what becomes of an agent whose handler has failed
  Outcome fail_agent(AgentId id, const shm::Received& message, Errc code);
  shm::StateHeader& note_failure(AgentId id, Errc code, bool is_told);
  bool stop_failed(AgentId id, Errc code, bool runs_hook);

  // shard_suspend.cpp
  [[nodiscard]] bool waits_for(Lifecycle lifecycle) const noexcept {
    return lifecycle == Lifecycle::suspended ||
           (lifecycle == Lifecycle::resuming && replay_ == Replay::none);
  }

  std::optional<Outcome> meet_unready(const shm::Received& message);
  std::optional<Outcome> meet_answer(const shm::Received& answer);
  Outcome park_message(shm::Received message, AgentId target);
  Outcome suspend_for(const shm::Received& message, AgentId target, Errc reason);
  Outcome handle_suspension(const shm::Received& message);
  [[nodiscard]] Lifecycle lifecycle_after(std::uint32_t slot) const;
  [[nodiscard]] bool is_fatal(std::uint64_t witness) const noexcept;
  void forgive(std::uint64_t witness) noexcept;
  void quarantine(AgentId id);
  Outcome suspend_for_timer(AgentId id, Errc reason);

  // shard_replay.cpp
  void replay();
  Outcome replay_one(const shm::Record& record, const shm::Received& message);
  bool finish_resuming();

  // shard_upgrade.cpp
  Result<> upgrade(const TypeDescriptor& type, std::uint32_t slot, shm::StateHeader& state);
  void revive();
  // shard_lost.cpp: what is not durable, after its owner
  void find_lost();
  void start_lost();
  Outcome start_lost(std::uint32_t slot);
  Result<> begin_lost(const TypeDescriptor& type, AgentId id);

  // recovery.cpp
  Error park(Error error) noexcept;
  void blame() noexcept;
  void bury_unreadable();
  void ring_everybody() noexcept;

  const shm::Segment& segment_;
  const Types& types_;
  shm::CachedClock& clock_;
  BurialNotes* notes_;
  const std::uint32_t shard_;
  const std::uint32_t endpoint_;
  shm::Symbols symbols_;
  shm::SegmentWords words_;
  shm::Turn turn_;
  Agents agents_;
  Timers timers_;
  Inbox inbox_;
  Outbox outbox_;
  Tracer tracer_;
  Subscribers subscribers_;
  LifeEvents life_;
  Parking parking_;
  Cancelled cancelled_;
  Bereaved bereaved_;
  Tasks tasks_;
  TimerId ending_task_ = Tasks::kNone;  // whose own failure ends its agent
  bool has_ended_tasks_ = false;        // with their agents, by this turn
  shm::Rates rates_;
  shm::CallBreakers breakers_;

  shm::ShardMetrics& metrics_;
  Source replayed_;                          // whose endpoint is that of what is replayed
  std::optional<Blockage> replay_blockage_;  // what the next to be replayed waits for
  Replay replay_ = Replay::none;
  std::vector<Source*> ready_;         // what take() goes round
  std::vector<std::int64_t> sent_ns_;  // of those messages of the turn whose latency is measured
  Limits limits_;
  shm::ShardRecord record_{};  // what the last turn left behind, and this one changes
  std::int64_t turn_began_ns_ = 0;
  std::uint32_t taken_ = 0;       // messages of this turn
  std::uint32_t next_clock_ = 0;  // how many until the next look at the clock
  Symbol last_symbol_{};          // whose text was looked up last, and that text
  std::string_view last_text_;
  std::vector<std::uint32_t> lost_;         // slots still to be begun anew; the last is next
  std::optional<Blockage> lost_blockage_;   // what that waits for
  std::optional<Blockage> timer_blockage_;  // what the next timer waits for
  std::optional<Blockage> end_blockage_;    // what the end of the bereaved waits for
  std::vector<std::uint64_t> tree_ended_;   // of trees, by the current message
  std::optional<bool> limits_news_;         // over its soft limit, and not told yet
  std::uint32_t waiting_ = 0;               // rings and logs whose next message waits for room
  std::uint32_t rotation_ = 0;              // whose turn it is, among senders and among priorities
  std::uint32_t single_steps_ = 0;          // turns of one message still to run after a crash
  std::uint32_t attempt_ = 1;               // of the current message
  std::uint64_t witness_ = 0;               // that names it
  std::uint32_t most_ends_ = kMostEnds;     // agents of a tree that the next turn may end
  std::uint64_t refused_before_ = 0;
  Result<> doom_;  // why the current message fails, whatever its handler returns
  bool in_turn_ = false;
  bool timers_lead_ = false;      // they came before the messages when they were last due
  bool ends_lead_ = false;        // the bereaved came before what else was due last
  bool is_full_ = false;          // the turn ends here
  bool wants_to_listen_ = false;  // the current message needs cursors in the logs first
};

}  // namespace mabeam::worker

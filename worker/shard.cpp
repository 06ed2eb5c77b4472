#include "worker/shard.hpp"

#include <algorithm>
#include <bit>

namespace mabeam::worker {
namespace {

constexpr std::uint32_t kFirstClock = 8;       // messages before the first look at the clock
constexpr std::uint32_t kMostUnclocked = 16;   // and between two later ones
constexpr std::uint32_t kFewestToDivide = 16;  // a smaller turn is not divided among priorities

static_assert(shm::kLastReason < shm::kMaxReasons);

}  // namespace

Shard::Shard(const shm::Segment& segment, const Types& types, shm::CachedClock& clock,
             std::uint32_t shard, BurialNotes* notes)
    : segment_(segment),
      types_(types),
      clock_(clock),
      notes_(notes),
      shard_(shard),
      endpoint_(shm::Segment::endpoint_of_shard(shard)),
      symbols_(segment.symbols()),
      words_(segment, shard),
      turn_(segment.turn(shard)),
      agents_(segment, shard),
      timers_(segment, shard),
      inbox_(segment, endpoint_),
      outbox_(segment, endpoint_),
      tracer_(segment, endpoint_),
      subscribers_(symbols_, agents_),
      parking_(segment, shard),
      rates_(segment, shm::Rates::Holder::shard),
      breakers_(segment),
      metrics_(segment.metrics(shard)) {
}

inline void Shard::take_what_waits() {
  if (parking_.has_work()) [[unlikely]]
    replay();
  if (timers_.next_due_ns() <= clock_.now_ns()) [[unlikely]] {
    take_with_timers();
  } else if (inbox_.poll()) {
    take_messages();
  }
}

inline void Shard::take_what_is_due() {
  if (bereaved_.empty()) [[likely]] {
    take_what_waits();
  } else {
    take_beside_ends();
  }
}

// Where somebody's parent has ended elsewhere, that and what else is due lead by turns, so neither
// keeps the other out.
void Shard::take_beside_ends() {
  ends_lead_ = !ends_lead_;
  if (ends_lead_) end_bereaved();
  if (!is_full_) take_what_waits();
  if (!ends_lead_ && taken_ == 0 && !is_full_) end_bereaved();
}

std::uint32_t Shard::run_turn(const Limits& limits) {
  limits_ = limits;
  if (single_steps_ != 0) limits_.turn_messages = 1;
  taken_ = 0;
  next_clock_ = kFirstClock;
  waiting_ = 0;
  is_full_ = false;
  ++rotation_;
  if (outbox_.has_pressure()) [[unlikely]]
    tell_pressure();
  if (limits_news_) [[unlikely]]
    tell_limits();
  if (!lost_.empty()) [[unlikely]] {
    start_lost();
  } else {
    take_what_is_due();
  }
  if (in_turn_) commit();
  if (single_steps_ != 0 && taken_ != 0) --single_steps_;
  if (wants_to_listen_) {
    wants_to_listen_ = false;
    inbox_.set_listening(true);
    return taken_ + 1;  // the message that wants it is taken next
  }
  if (taken_ == 0) inbox_.cool_down();
  return taken_;
}

void Shard::begin_turn() noexcept {
  in_turn_ = true;
  turn_.begin();
  agents_.begin_turn();
  outbox_.begin_turn();
  sent_ns_.clear();
  turn_began_ns_ = clock_.now_ns();
}

// Where messages take little time, the next look is further off.
bool Shard::is_out_of_time() noexcept {
  clock_.refresh();
  const std::int64_t passed_ns = clock_.now_ns() - turn_began_ns_;
  next_clock_ += passed_ns < limits_.turn_time_ns / 4 ? kMostUnclocked : kFirstClock;
  is_full_ = passed_ns > limits_.turn_time_ns;
  return is_full_;
}

// Of 64 messages high gets 48 at first, then normal up to 60, then low; what is left over goes
// round again. In small turns the priorities lead in turn, 12 : 3 : 1.
void Shard::take_messages() {
  const std::uint32_t most = limits_.turn_messages;
  if (std::has_single_bit(inbox_.seen())) {
    take(static_cast<Priority>(std::countr_zero(inbox_.seen())), most);
    return;
  }
  if (most < kFewestToDivide) {
    const std::uint32_t lead = rotation_ % 16;
    if (lead == 0) take(Priority::low, most);
    if (lead < 4) take(Priority::normal, most - std::min(most, taken_));
  } else {
    take(Priority::high, most / 4 * 3);
    take(Priority::normal, most / 16 * 15 - std::min(most / 16 * 15, taken_));
  }
  for (const Priority priority : {Priority::low, Priority::high, Priority::normal}) {
    const bool is_late_low = priority == Priority::low && most < kFewestToDivide;
    if (!is_late_low) take(priority, most - std::min(most, taken_));
  }
  if (most < kFewestToDivide) take(Priority::low, most - std::min(most, taken_));
}

void Shard::commit() {
  in_turn_ = false;
  record_.sent += outbox_.sent();
  record_.events_published += outbox_.events();
  for (const shm::DeadReason reason : outbox_.buried()) {
    ++record_.dead_lettered;
    ++record_.buried_for[static_cast<std::size_t>(reason)];
  }
  record_.agents_created += agents_.created();
  record_.agents_stopped += agents_.ended();
  record_.agents_live += agents_.created();
  record_.agents_live -= agents_.ended();
  const bool changed = agents_.changed_subscriptions();
  agents_.stage(turn_);
  timers_.stage(turn_);
  turn_.stage_record(record_);
  outbox_.stage(turn_);
  tracer_.stage(turn_);
  parking_.stage_tail(turn_);
  inbox_.stage(turn_);
  parking_.stage_head(turn_);
  turn_.commit(words_);
  timers_.settle();
  if (agents_.changed_structure()) {
    agents_.for_each_lifecycle([this](std::uint32_t slot, Lifecycle lifecycle) {
      parking_.note(slot, lifecycle);
      if (lifecycle == Lifecycle::ready) timers_.release(slot);
    });
    bereaved_.settle();
  }
  agents_.settle();
  inbox_.settle();
  outbox_.settle();
  tracer_.settle();
  parking_.settle();
  if (has_ended_tasks_) [[unlikely]]
    end_frames();
  clock_.refresh();
  for (const std::int64_t sent_ns : sent_ns_)
    metrics_.latency_ns.record(shm::elapsed_ns(sent_ns, clock_.now_ns()));
  metrics_.note_turn(clock_.now_ns() - turn_began_ns_);
  if (!changed) return;
  if (agents_.subscriptions().empty()) {
    inbox_.set_listening(false);
  } else {
    inbox_.look_at_logs();
  }
}

}  // namespace mabeam::worker

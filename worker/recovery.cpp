// Taking a shard over: after the first start, after an orderly exit and after a crash alike.
//
//   1. A turn that was committed and not applied is applied (shm/turn.hpp).
//   2. The death is counted against what was running, once: the count and the incarnation that died
//      are committed together, and the witness is cleared after that. Dying on the way changes
//      nothing, since the next adopter finds that incarnation counted.
//   3. What is derived from the segment is rebuilt; every source is looked at. Agents whose state
//      was in the last owner's memory are to be begun anew (shard_lost.cpp), and those whose
//      parents have ended elsewhere, with their trees, are to be ended (shard_stop_children.cpp).
//   4. Every doorbell is rung that the dead owner could have owed.
#include "shm/doorbell.hpp"
#include "worker/shard.hpp"

namespace mabeam::worker {
namespace {

/// After a crash messages are taken one a turn until the one to blame has passed; it is among the
/// first of its ring, and fairness lets no ring wait this long.
constexpr std::uint32_t kMostSingleSteps = 4096;

}  // namespace

Error Shard::park(Error error) noexcept {
  segment_.endpoint(endpoint_).parked.store(1, std::memory_order_release);
  return error;
}

Result<> Shard::adopt(shm::Incarnation self) {
  if (const Result<bool> redone = turn_.recover(words_); !redone) return fail(park(redone.error()));
  segment_.endpoint(endpoint_).owner.store(self.value, std::memory_order_seq_cst);
  record_ = turn_.record();
  agents_.open();
  bereaved_.open(segment_, shard_);
  tasks_.clear();
  timers_.open();
  life_.open(symbols_);
  if (const Result<> opened = outbox_.open(); !opened) return fail(park(opened.error()));
  if (const Result<> opened = parking_.open(); !opened) return fail(park(opened.error()));
  if (const Result<> opened = tracer_.open(self); !opened) return fail(park(opened.error()));
  inbox_.open();
  blame();
  bury_unreadable();
  find_lost();
  turn_.clear_witness();
  turn_.region().owner.store(self.value, std::memory_order_release);
  revive();
  inbox_.set_listening(!agents_.subscriptions().empty());
  segment_.endpoint(endpoint_).parked.store(0, std::memory_order_release);
  ring_everybody();
  return {};
}

// Only a death of the owner's own counts: not one that the supervisor ended for another reason.
void Shard::blame() noexcept {
  const std::uint64_t witness = turn_.region().witness.load(std::memory_order_acquire);
  const shm::Incarnation died{turn_.region().owner.load(std::memory_order_acquire)};
  if (witness == 0 || !died || died.worker() >= shm::kMaxWorkers) return;
  single_steps_ = kMostSingleSteps;
  const shm::WorkerSlot& slot = segment_.worker(died.worker());
  const bool was_planned = slot.planned_end.load(std::memory_order_acquire) == died.number();
  begin_turn();
  if (was_planned || record_.blamed_incarnation == died.value) {
    in_turn_ = false;
    return;
  }
  record_.blamed_count = record_.blamed_witness == witness ? record_.blamed_count + 1 : 1;
  record_.blamed_witness = witness;
  record_.blamed_incarnation = died.value;
  commit();
}

void Shard::bury_unreadable() {
  if (inbox_.unreadable().empty()) return;
  begin_message(0);
  for (const std::uint32_t endpoint : inbox_.unreadable())
    bury_corrupt(endpoint, 0);
  commit();
}

void Shard::ring_everybody() noexcept {
  shm::full_fence();
  for (std::uint32_t target = 1; target < segment_.endpoints(); ++target) {
    segment_.announce(endpoint_, target);
    if (shm::Doorbell* bell = segment_.doorbell_of(target)) shm::ring_bell(*bell);
  }
}

void Shard::let_go() noexcept {
  tasks_.clear();
  segment_.endpoint(endpoint_).owner.store(0, std::memory_order_seq_cst);
}

}  // namespace mabeam::worker

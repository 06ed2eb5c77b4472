// Agents of types that are not durable, after an owner has gone: their states went with it. Each
// has State{} from the adoption on; then, before the shard takes anything else, each is begun anew,
// as by a restart. What its on_start() waits for, the whole shard waits for: stall_timeout at most.
//
// An on_start() that fails ends its agent, as at a restart, and so does one that has killed
// max_attempts workers.
#include "shm/clock.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

namespace mabeam::worker {

using shm::Witness;

namespace {

constexpr std::string_view kReason = "not_durable";

}  // namespace

// Only private memory changes here, so dying on the way changes nothing.
void Shard::find_lost() {
  lost_.clear();
  lost_blockage_.reset();
  if (!types_.has_transient()) return;
  const shm::AgentTable& table = agents_.table();
  for (std::uint32_t slot = table.size(); slot-- > 0;) {
    const shm::AgentRecord& agent = table.record(slot);
    const AgentId id = agents_.id_of(slot);
    const TypeDescriptor* type = types_.find(agent.type);
    if (type == nullptr || type->type.durable || !table.exists(id)) continue;
    if (agent.storage != storage_of(*type) || !agents_.make_lost_state(slot, *type)) continue;
    if (table.is_alive(id)) lost_.push_back(slot);
  }
}

void Shard::start_lost() {
  if (!is_unblocked(lost_blockage_)) return;
  while (!lost_.empty() && !is_over()) {
    const Outcome outcome = start_lost(lost_.back());
    if (outcome == Outcome::blocked) {
      lost_blockage_ = outbox_.blockage();
      ++waiting_;
    }
    if (outcome != Outcome::passed) return;
    lost_.pop_back();
    ++taken_;
  }
}

Result<> Shard::begin_lost(const TypeDescriptor& type, AgentId id) {
  if (attempt_ > limits_.max_attempts) {
    if (notes_ != nullptr)
      notes_->poison({shard_, "start", id, {}, attempt_ - 1}, shm::monotonic_ns());
    return fail(Errc::handler_failed);
  }
  if (type.on_start != nullptr) return start_anew(type, id, kReason);
  tell(Life::restarted, id, kReason);
  return {};
}

Shard::Outcome Shard::start_lost(std::uint32_t slot) {
  const AgentId id = agents_.id_of(slot);
  const TypeDescriptor* type = types_.find(agents_.table().record(slot).type);
  if (type == nullptr || !agents_.table().is_alive(id)) return Outcome::passed;
  begin_message(Witness::pack(Witness::What::start, endpoint_, 0, slot, id.generation() * 8ULL));
  // First, and in turns of their own: one turn may not take away all, and they are room for others.
  if (type->on_start != nullptr && attempt_ <= limits_.max_attempts && timers_.has_any(slot)) {
    if (end_tasks(id)) (void)timers_.cancel_all(id);
    if (outbox_.is_blocked()) return undo(Outcome::blocked);
    ++taken_;
    return Outcome::commit_first;
  }
  turn_.set_witness(witness_);
  const Result<> begun = begin_lost(*type, id);
  if (!begun && !outbox_.is_blocked() && !wants_to_listen_) {
    undo(Outcome::passed);
    doom_ = {};
    // Where it cannot end, it goes on with State{}, as in fail_agent().
    if (!stop_failed(id, begun.error().code, false)) undo(Outcome::passed);
    is_full_ = true;
  }
  turn_.clear_witness();
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (attempt_ > 1) pass();
  return Outcome::passed;
}

}  // namespace mabeam::worker

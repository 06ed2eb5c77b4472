// State versions: an older state is brought up by its type, inside the turn that has a message for
// it. A state that no type here may be let at is left alone, and its agent suspended.
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace mabeam::worker {
namespace {

constexpr std::uint32_t kMostRevived = 128;  // agents in one turn

/// One that is kept in the same way: a new way is a new type.
bool has_older_state(const TypeDescriptor& type, const shm::StateHeader& state,
                     const shm::AgentRecord& agent) {
  return type.upgrade != nullptr && state.state_version < type.type.state_version &&
         agent.storage == storage_of(type);
}

}  // namespace

// `state` is the idle half, touched first by this message, so the current half has the same bytes:
// the new state is made here from those there. Errors: why the agent is to be suspended.
Result<> Shard::upgrade(const TypeDescriptor& type, std::uint32_t slot, shm::StateHeader& state) {
  const shm::AgentTable& table = agents_.table();
  shm::AgentRecord& agent = table.record(slot);
  if (!has_older_state(type, state, agent)) return fail(Errc::state_version);
  if (type.state_bytes > agents_.most_state_bytes()) return fail(Errc::state_too_large);
  const std::uint64_t witness =
      shm::Witness::pack(shm::Witness::What::upgrade, endpoint_, 0, slot, 0);
  if (is_fatal(witness)) return fail(Errc::quarantined);
  const std::byte* current = table.half(slot, agent.version.load(std::memory_order_relaxed));
  const std::span<const std::byte> bytes{
      current + sizeof state, std::min<std::uint64_t>(state.bytes, table.max_state_bytes())};
  const std::span<std::byte> room{
      reinterpret_cast<std::byte*>(&state + 1),
      type.is_serialized ? agents_.most_state_bytes() : type.state_bytes};
  turn_.set_witness(witness);
  const Result<> done = guarded([&]() -> Result<> {
    const Result<std::size_t> made = type.upgrade(state.state_version, bytes, room);
    if (!made) return fail(made.error());
    state.bytes = static_cast<std::uint32_t>(*made);
    return {};
  });
  turn_.clear_witness();
  forgive(witness);
  if (!done) return fail(Errc::state_version);
  state.state_version = type.type.state_version;
  // Not of the turn: if it never commits, more is copied than there is, within the halves.
  if (agent.state_bytes < type.state_bytes) agent.state_bytes = type.state_bytes;
  return {};
}

// Agents that another set of types has suspended, and that these can serve.
void Shard::revive() {
  const shm::AgentTable& table = agents_.table();
  std::uint32_t revived = 0;
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
    const shm::AgentRecord& agent = table.record(slot);
    const auto word = shm::SlotWord::unpack(agent.slot_word.load(std::memory_order_relaxed));
    if (static_cast<Lifecycle>(word.lifecycle) != Lifecycle::suspended) continue;
    const shm::StateHeader state = agents_.committed_header(slot);
    const auto reason = static_cast<Errc>(state.reason);
    if (reason != Errc::unknown_type && reason != Errc::state_version) continue;
    const TypeDescriptor* type = types_.find(agent.type);
    if (type == nullptr) continue;
    if (!is_compatible(*type, state, agent) && !has_older_state(*type, state, agent)) continue;
    if (revived++ == 0) begin_message(0);
    (void)agents_.set_lifecycle(slot, lifecycle_after(slot), Errc{});  // far from too many
    if (revived < kMostRevived) continue;
    commit();
    revived = 0;
  }
  if (revived != 0) commit();
}

}  // namespace mabeam::worker

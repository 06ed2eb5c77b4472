// Verify: the header, the workers' slots, the endpoints' slots and notices.
#include "shm/clock.hpp"
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <algorithm>

namespace mabeam::shm {
namespace {

/// A time of CLOCK_MONOTONIC, or 0 for never. A copy may come from another boot.
bool is_past(const VerifyPass& pass, std::uint64_t time_ns) {
  if (!pass.is_live()) return time_ns >> 62U == 0;
  return time_ns <= static_cast<std::uint64_t>(monotonic_ns());
}

/// An incarnation that its worker's slot has reached. 0 is none. Load it before this call: claims
/// only grow.
bool is_incarnation(const Segment& segment, Incarnation incarnation) {
  if (!incarnation) return true;
  if (incarnation.worker() >= kMaxWorkers) return false;
  const std::uint64_t claim =
      segment.worker(incarnation.worker()).claim.load(std::memory_order_acquire);
  return incarnation.number() <= Claim::unpack(claim).incarnation;
}

void verify_tunables(VerifyPass& pass, const Tunables& tunables) {
  const auto where = [] { return std::string{"header, tunables"}; };
  const auto at_most = [&](const std::atomic<std::uint64_t>& word, std::uint64_t most,
                           std::string_view rule) {
    const std::uint64_t value = word.load(std::memory_order_relaxed);
    pass.expect(value <= most, where, rule, value);
  };
  constexpr std::uint64_t kLongest = std::uint64_t{1} << 62U;
  at_most(tunables.turn_messages, 1024, "turn_messages is over 1024");
  at_most(tunables.max_attempts, 100, "max_attempts is over 100");
  at_most(tunables.idle, 2, "idle is no mode");
  at_most(tunables.fault_agents, 1, "fault_agents is neither 0 nor 1");
  at_most(tunables.trace_sample, kSampleAll, "trace_sample is over 1");
  at_most(tunables.turn_time_ns, kLongest, "turn_time is no time");
  at_most(tunables.stall_timeout_ns, kLongest, "stall_timeout is no time");
  at_most(tunables.heartbeat_timeout_ns, kLongest, "heartbeat_timeout is no time");
  at_most(tunables.orphan_grace_ns, kLongest, "orphan_grace is no time");
  at_most(tunables.breaker_failure_threshold, 65'535, "failure_threshold is over 65535");
  at_most(tunables.breaker_window_ns, kLongest, "window is no time");
  at_most(tunables.breaker_recovery_ns, kLongest, "recovery_timeout is no time");
  at_most(tunables.breaker_trial_calls, 65'535, "half_open_max_calls is over 65535");
}

void verify_worker(VerifyPass& pass, std::uint32_t index) {
  const WorkerSlot& slot = pass.segment().worker(index);
  const auto where = [&] { return "worker " + std::to_string(index); };
  const auto at_most = [&](const auto& word, std::uint64_t most, std::string_view rule) {
    const auto value = static_cast<std::uint64_t>(word.load(std::memory_order_acquire));
    pass.expect(value <= most, where, rule, value);
  };
  constexpr auto kLastState = static_cast<std::uint64_t>(WorkerState::half_open);
  at_most(slot.state, kLastState, "its state is no state");
  at_most(slot.supervised_state, kLastState, "its supervised state is no state");
  at_most(slot.order, static_cast<std::uint64_t>(Order::stop), "its order is no order");
  at_most(slot.exit_cause, static_cast<std::uint64_t>(ExitCause::unknown), "its exit has no cause");
  at_most(slot.leaving, 256, "it leaves with no exit status");
  at_most(slot.exit_time_unix_ns, std::uint64_t{1} << 62U, "its exit time is no time");
  at_most(slot.doorbell.sleeping, 1, "its sleeping flag is neither 0 nor 1");
  const std::uint64_t heartbeat_ns = slot.heartbeat_ns.load(std::memory_order_acquire);
  pass.expect(is_past(pass, heartbeat_ns), where, "its heartbeat is ahead of the clock",
              heartbeat_ns);
  const std::uint64_t started_ns = slot.started_ns.load(std::memory_order_acquire);
  pass.expect(is_past(pass, started_ns), where, "it started ahead of the clock", started_ns);
  const Claim claim = Claim::unpack(slot.claim.load(std::memory_order_acquire));
  pass.expect(claim.pid == 0 || claim.incarnation != 0, where, "a process claims no incarnation",
              claim.pid);
}

void verify_shard_slot(VerifyPass& pass, const EndpointSlot& slot, std::uint32_t endpoint) {
  const auto where = [&] { return endpoint_name(pass.segment(), endpoint); };
  const std::uint64_t placement = slot.placement.load(std::memory_order_acquire);
  pass.expect(placement <= kMaxWorkers, where, "its placement names no worker", placement);
  const Incarnation owner{slot.owner.load(std::memory_order_acquire)};
  pass.expect(is_incarnation(pass.segment(), owner), where, "its owner is no incarnation",
              owner.value);
  const std::uint64_t claim = slot.claim.load(std::memory_order_acquire);
  pass.expect(claim == 0, where, "a client claims a shard's endpoint", claim);
}

void verify_endpoint(VerifyPass& pass, std::uint32_t endpoint) {
  const Segment& segment = pass.segment();
  const EndpointSlot& slot = segment.endpoint(endpoint);
  const auto where = [&] { return endpoint_name(segment, endpoint); };
  for (std::uint32_t i = 0; i < slot.ready.size(); ++i) {
    const std::uint32_t before = i * 64;
    const std::uint32_t count = std::clamp(segment.endpoints(), before, before + 64) - before;
    const std::uint64_t allowed = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    const std::uint64_t ready = slot.ready[i].load(std::memory_order_acquire);
    pass.expect((ready & ~allowed) == 0, where, "its ready bits name no endpoint", ready);
  }
  const std::uint64_t reserved = slot.reserved_agents.load(std::memory_order_acquire);
  pass.expect(reserved <= segment.dimensions().max_agents, where,
              "it reserves more agents than there may be", reserved);
  const std::uint64_t parked = slot.parked.load(std::memory_order_acquire);
  pass.expect(parked == 0, where, "it is parked: its redo list failed its check", parked);
  const std::uint32_t sleeping = slot.doorbell.sleeping.load(std::memory_order_acquire);
  pass.expect(sleeping <= 1, where, "its sleeping flag is neither 0 nor 1", sleeping);
  if (segment.is_shard(endpoint)) verify_shard_slot(pass, slot, endpoint);
  const std::size_t notices = segment.notices(endpoint).read_available();
  pass.expect(notices <= 64, where, "its queue of notices holds more than its room", notices);
}

}  // namespace

void verify_header(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  const Header& header = segment.header();
  const Layout& layout = segment.layout();
  const auto where = [] { return std::string{"header"}; };
  pass.expect(header.magic == kMagic, where, "its magic is wrong", header.magic);
  pass.expect(header.byte_order == kByteOrder, where, "its byte order is wrong", header.byte_order);
  pass.expect(header.layout_version == kLayoutVersion && header.layout_hash == layout_hash(), where,
              "it was laid out by another build", header.layout_hash);
  pass.expect(header.dimensions == layout.dimensions, where, "its dimensions have changed", 0);
  pass.expect(header.regions == layout.regions && header.region_count == kRegions &&
                  header.total_bytes == layout.total_bytes,
              where, "its table of regions has changed", header.total_bytes);
  pass.expect(header.checksum == header_checksum(header), where, "its checksum is wrong",
              header.checksum);
  const std::uint32_t state = header.state.load(std::memory_order_acquire);
  pass.expect(state <= static_cast<std::uint32_t>(RuntimeState::removed), where,
              "the runtime's state is no state", state);
  const std::uint32_t refused = header.reloads.last_refused.load(std::memory_order_relaxed);
  pass.expect(refused <= 1, where, "whether its last reload failed is neither 0 nor 1", refused);
  verify_tunables(pass, header.tunables);
  pass.count_bytes(sizeof(Header));
}

void verify_workers(VerifyPass& pass) {
  for (std::uint32_t index = 0; index < kMaxWorkers; ++index)
    verify_worker(pass, index);
  pass.count_bytes(kMaxWorkers * sizeof(WorkerSlot));
}

void verify_endpoints(VerifyPass& pass) {
  const std::uint32_t endpoints = pass.segment().endpoints();
  for (std::uint32_t endpoint = 0; endpoint < endpoints; ++endpoint) {
    verify_endpoint(pass, endpoint);
  }
  pass.count_bytes(endpoints * (sizeof(EndpointSlot) + sizeof(NoticeQueue)));
}

}  // namespace mabeam::shm

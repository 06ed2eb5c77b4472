#include "shm/snapshots.hpp"

#include "shm/clock.hpp"
#include "shm/process.hpp"
#include "shm/spsc_ring.hpp"

#include <algorithm>
#include <atomic>

namespace mabeam::shm {
namespace {

/// 146 years: two such times can be added or subtracted.
constexpr std::int64_t kLastTime = std::int64_t{1} << 62U;

template <class Enum, class Raw>
Enum load_state(const std::atomic<Raw>& word) noexcept {
  return static_cast<Enum>(word.load(std::memory_order_acquire));
}

/// What the worker says of itself counts where it knows better than its supervisor, which hears of
/// it later.
WorkerState refine(WorkerState supervised, WorkerState own) noexcept {
  switch (supervised) {
    case WorkerState::starting:
      return own == WorkerState::ready || own == WorkerState::draining ? own : supervised;
    case WorkerState::ready:
      return own == WorkerState::draining || own == WorkerState::stopping ? own : supervised;
    case WorkerState::draining:
      return own == WorkerState::stopping ? own : supervised;
    default:
      return supervised;
  }
}

std::optional<ExitView> last_exit_of(const WorkerSlot& slot) {
  const auto cause = load_state<ExitCause>(slot.exit_cause);
  if (cause == ExitCause::none) return std::nullopt;
  return ExitView{cause, slot.exit_code.load(std::memory_order_relaxed),
                  slot.exit_signal.load(std::memory_order_relaxed),
                  bounded_time(slot.exit_time_unix_ns.load(std::memory_order_relaxed))};
}

}  // namespace

std::string endpoint_name(const Segment& segment, std::uint32_t endpoint) {
  if (endpoint == 0) return "supervisor";
  if (segment.is_shard(endpoint)) return "shard " + std::to_string(endpoint - 1);
  if (segment.is_client(endpoint)) {
    return "client " + std::to_string(endpoint - segment.first_client());
  }
  return "no endpoint";
}

ShardRecord snapshot_record(const TurnRegion& region) noexcept {
  ShardRecord record{};
  for (int tries = 0; tries < kReadTries; ++tries) {
    const std::uint64_t version = region.record_version.load(std::memory_order_acquire);
    record = region.record[version & 1U];
    std::atomic_thread_fence(std::memory_order_acquire);
    if (region.record_version.load(std::memory_order_relaxed) == version) break;
  }
  return record;
}

std::optional<std::uint64_t> settled_turn(const TurnRegion& region) noexcept {
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t applied = region.applied.load(std::memory_order_acquire);
  if (region.committed.load(std::memory_order_acquire) != applied) return std::nullopt;
  return applied;
}

std::optional<RingPositions> snapshot_positions(std::span<const std::byte> ring) noexcept {
  const auto& header = *reinterpret_cast<const RingHeader*>(ring.data());
  for (int tries = 0; tries < kReadTries; ++tries) {
    // A tail read between two equal loads of head is at most a buffer ahead of it.
    const std::uint64_t head = header.head.load(std::memory_order_acquire);
    const std::uint64_t tail = header.tail.load(std::memory_order_acquire);
    if (header.head.load(std::memory_order_acquire) == head) return RingPositions{head, tail};
  }
  return std::nullopt;
}

std::int64_t bounded_time(std::int64_t time_ns) noexcept {
  return std::clamp<std::int64_t>(time_ns, 0, kLastTime);
}

double seconds_since(std::uint64_t then_ns, std::int64_t now_ns) noexcept {
  const auto now = static_cast<std::uint64_t>(now_ns);
  if (then_ns == 0 || then_ns > now) return 0;
  return static_cast<double>(now - then_ns) / 1e9;
}

WorkerView snapshot_worker(const WorkerSlot& slot, std::uint32_t index, bool sees_processes) {
  WorkerView view;
  view.index = index;
  view.restarts = slot.restarts.load(std::memory_order_relaxed);
  view.last_exit = last_exit_of(slot);
  view.state = load_state<WorkerState>(slot.supervised_state);
  const Claim claim = Claim::unpack(slot.claim.load(std::memory_order_acquire));
  const ProcessId process{slot.process.load(std::memory_order_acquire)};
  // Until the claim holds its pid, everything the worker wrote is its predecessor's.
  if (claim.pid == 0 || claim.pid != process.pid()) return view;
  view.state = refine(view.state, load_state<WorkerState>(slot.state));
  if (!sees_processes || !is_alive(process)) return view;
  const std::int64_t now_ns = monotonic_ns();
  view.pid = claim.pid;
  view.memory_bytes = anonymous_bytes(static_cast<pid_t>(claim.pid));
  view.uptime_seconds = seconds_since(slot.started_ns.load(std::memory_order_relaxed), now_ns);
  view.heartbeat_age_seconds =
      seconds_since(slot.heartbeat_ns.load(std::memory_order_relaxed), now_ns);
  return view;
}

}  // namespace mabeam::shm

// The observer's life, and the views of the runtime as a whole.
#include "mabeam/observer.hpp"

#include "shm/breaker.hpp"
#include "shm/clock.hpp"
#include "shm/observer_impl.hpp"
#include "shm/process.hpp"
#include "shm/snapshots.hpp"
#include "shm/verify.hpp"

#include <algorithm>
#include <utility>

namespace mabeam {
namespace {

using shm::Segment;

/// By worker: the shards that are placed there.
std::vector<std::vector<std::uint32_t>> placements(const Segment& segment) {
  std::vector<std::vector<std::uint32_t>> result(shm::kMaxWorkers);
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const shm::EndpointSlot& slot = segment.endpoint(Segment::endpoint_of_shard(shard));
    const std::uint64_t placement = slot.placement.load(std::memory_order_acquire);
    if (placement >= 1 && placement <= result.size()) result[placement - 1].push_back(shard);
  }
  return result;
}

ReloadsView reloads_of(const shm::Reloads& reloads) {
  return {reloads.config_digest.load(std::memory_order_relaxed),
          reloads.taken.load(std::memory_order_relaxed),
          reloads.refused.load(std::memory_order_relaxed),
          reloads.last_refused.load(std::memory_order_relaxed) != 0,
          reloads.last_unix_ns.load(std::memory_order_relaxed)};
}

}  // namespace

Observer::Observer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}

Observer::Observer(Observer&&) noexcept = default;
Observer& Observer::operator=(Observer&&) noexcept = default;
Observer::~Observer() = default;

Result<Observer> Observer::attach(std::string_view runtime) {
  Result<Segment> segment = Segment::attach(runtime, shm::Access::read_only);
  if (!segment) {
    // Removed but for its name: as good as gone.
    if (segment.error().code == Errc::not_running) return fail(Errc::not_found);
    return fail(segment.error());
  }
  auto impl = std::make_unique<Impl>();
  impl->segment = std::move(*segment);
  impl->sees_processes = impl->segment.header().pid_namespace == shm::pid_namespace();
  return Observer{std::move(impl)};
}

Result<Observer> Observer::open_file(const std::string& path) {
  Result<Segment> segment = Segment::open_file(path);
  if (!segment) return fail(segment.error());
  auto impl = std::make_unique<Impl>();
  impl->segment = std::move(*segment);
  impl->is_live = false;
  impl->sees_processes = false;
  return Observer{std::move(impl)};
}

RuntimeView Observer::runtime() const {
  const Segment& segment = impl_->segment;
  RuntimeView view;
  view.name = segment.name();
  view.state = segment.state();
  view.segment_bytes = segment.layout().total_bytes;
  view.shards = segment.dimensions().shards;
  view.clients = segment.dimensions().clients;
  view.max_agents = segment.dimensions().max_agents;
  const shm::Header& header = segment.header();
  view.created_unix_ns = header.created_unix_ns;
  view.takeovers = header.takeovers.load(std::memory_order_relaxed);
  view.reloads = reloads_of(header.reloads);
  const auto& listen = header.serve_listen;
  view.serve_listen.assign(listen.begin(), std::find(listen.begin(), listen.end(), '\0'));
  const shm::ProcessId supervisor{header.supervisor.load(std::memory_order_acquire)};
  if (impl_->sees_processes && shm::is_alive(supervisor)) view.supervisor_pid = supervisor.pid();
  if (impl_->is_live) {
    view.supervisor_heartbeat_age_seconds = shm::seconds_since(
        header.supervisor_heard_ns.load(std::memory_order_relaxed), shm::monotonic_ns());
  }
  std::vector<std::vector<std::uint32_t>> placed = placements(segment);
  for (std::uint32_t index = 0; index < shm::kMaxWorkers; ++index) {
    const shm::WorkerSlot& slot = segment.worker(index);
    if (index >= segment.dimensions().workers && placed[index].empty() &&
        slot.claim.load(std::memory_order_relaxed) == 0) {
      continue;
    }
    WorkerView worker = snapshot_worker(slot, index, impl_->sees_processes);
    worker.memory_limit_bytes =
        segment.limits().workers[index].memory_limit_bytes.load(std::memory_order_relaxed);
    worker.shards = std::move(placed[index]);
    const shm::BreakerWord breaker = shm::Breaker{segment.breaker_of_worker(index)}.word();
    worker.breaker = shm::to_string(shm::Breaker::acting(breaker));
    worker.is_breaker_forced = breaker.mode != shm::BreakerMode::automatic;
    for (const std::uint32_t shard : worker.shards) {
      worker.agents += snapshot_record(segment.turn(shard)).agents_live;
    }
    view.workers.push_back(std::move(worker));
  }
  return view;
}

VerifyView Observer::verify() const {
  return shm::verify_segment(impl_->segment, impl_->is_live);
}

}  // namespace mabeam

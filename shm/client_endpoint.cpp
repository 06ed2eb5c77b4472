#include "shm/client_endpoint.hpp"

#include "shm/bell.hpp"
#include "shm/clock.hpp"
#include "shm/process.hpp"
#include "shm/reclaim.hpp"

#include <chrono>
#include <optional>
#include <thread>

namespace mabeam::shm {
namespace {

constexpr std::chrono::milliseconds kClaimPause{1};

Result<> wait_until_running(const Segment& segment, std::int64_t deadline_ns) {
  for (;;) {
    const RuntimeState state = segment.state();
    if (state == RuntimeState::running) return {};
    if (state != RuntimeState::building || monotonic_ns() >= deadline_ns) {
      return fail(Errc::not_running);
    }
    std::this_thread::sleep_for(kClaimPause);
  }
}

/// One walk over the clients' claims, begun at a place of the process's own.
std::optional<std::uint32_t> try_claim(const Segment& segment, ProcessId self) {
  const std::uint32_t clients = segment.dimensions().clients;
  for (std::uint32_t step = 0; step < clients; ++step) {
    const std::uint32_t endpoint = segment.first_client() + (self.pid() + step) % clients;
    std::uint64_t free = 0;
    if (segment.endpoint(endpoint).claim.compare_exchange_strong(
            free, self.value, std::memory_order_acq_rel)) {  // FREE
      return endpoint;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<ClientClaim> claim_client_endpoint(const Segment& segment, std::int64_t deadline_ns) {
  const ProcessId self = self_process();
  if (!self) return fail(Errc::system);
  for (;;) {
    const Result<> running = wait_until_running(segment, deadline_ns);
    if (!running) return fail(running.error());
    if (const auto endpoint = try_claim(segment, self)) return ClientClaim{*endpoint, self};
    if (monotonic_ns() >= deadline_ns) return fail(Errc::too_many_clients);
    std::this_thread::sleep_for(kClaimPause);
  }
}

ClientEndpoint::ClientEndpoint(const Segment& segment, ClientClaim claim)
    : segment_(segment),
      index_(claim.endpoint),
      owner_(claim.owner),
      id_(static_cast<EndpointId>(claim.endpoint), AgentId::kClientSlot,
          static_cast<std::uint32_t>(slot().generation.load(std::memory_order_acquire))) {
  slot().doorbell.sleeping.store(0, std::memory_order_relaxed);
  notify(NoticeKind::client_attached);
}

ClientEndpoint::~ClientEndpoint() {
  // Before the claim is given up: the next owner is the queue's next producer.
  notify(NoticeKind::client_detached);
  reclaim_endpoint(segment_, index_, owner_);
}

void ClientEndpoint::notify(NoticeKind kind) const {
  segment_.notices(index_).push(Notice{kind, owner_.pid(), monotonic_ns()});
  ring_supervisor(segment_);
}

}  // namespace mabeam::shm

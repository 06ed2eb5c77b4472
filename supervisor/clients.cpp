#include "supervisor/clients.hpp"

#include "shm/reclaim.hpp"
#include "supervisor/pidfd.hpp"

#include <utility>

namespace mabeam::supervisor {

Clients::Clients(const shm::Segment& segment, EventLoop& loop, Log& log)
    : segment_(segment),
      loop_(loop),
      log_(log),
      watched_(segment.dimensions().clients) {
}

shm::ProcessId Clients::claimant(std::uint32_t endpoint) const {
  return {segment_.endpoint(endpoint).claim.load(std::memory_order_acquire)};
}

void Clients::scan() {
  for (std::uint32_t i = 0; i < watched_.size(); ++i)
    look(segment_.first_client() + i);
}

void Clients::look(std::uint32_t endpoint) {
  Watched& watched = watched_[endpoint - segment_.first_client()];
  const shm::ProcessId process = claimant(endpoint);
  if (process == watched.process) return;
  forget(watched);
  if (process) watch(endpoint, process);
}

void Clients::watch(std::uint32_t endpoint, shm::ProcessId process) {
  Result<Descriptor> pidfd = open_process(process);
  if (!pidfd) {
    // Of another error (no descriptor left) it is not known to be dead: the next scan asks again.
    if (pidfd.error().code == Errc::not_found) reclaim(endpoint, process);
    return;
  }
  if (!loop_.watch(pidfd->get(), {Source::client, endpoint})) return;
  watched_[endpoint - segment_.first_client()] = {process, std::move(*pidfd)};
  log_.debug("client attached", {{"endpoint", endpoint}, {"pid", process.pid()}});
}

void Clients::forget(Watched& watched) {
  if (watched.pidfd) loop_.forget(watched.pidfd.get());
  watched = {};
}

void Clients::on_exit(std::uint32_t endpoint) {
  if (!segment_.is_client(endpoint)) return;
  Watched& watched = watched_[endpoint - segment_.first_client()];
  if (!watched.pidfd || !is_gone(watched.pidfd)) return;
  const shm::ProcessId process = watched.process;
  forget(watched);
  if (claimant(endpoint) == process) reclaim(endpoint, process);
}

void Clients::reclaim(std::uint32_t endpoint, shm::ProcessId process) {
  if (!shm::reclaim_endpoint(segment_, endpoint, process)) return;
  log_.info("dead client's endpoint given back", {{"endpoint", endpoint}, {"pid", process.pid()}});
}

}  // namespace mabeam::supervisor

// Clients: whoever has claimed a client's endpoint, watched until it dies.
//
// A claim is one word that holds its owner's whole identity, stored by the client itself. It is
// found by a scan, so a client that was killed between its claim and any notice is found as well
// (pitfall 5.2). The endpoint of a dead one is given back by the walk of shm/reclaim.hpp, by nobody
// else.
#pragma once

#include "shm/segment.hpp"
#include "supervisor/event_loop.hpp"
#include "supervisor/log.hpp"

#include <cstdint>
#include <vector>

namespace mabeam::supervisor {

class Clients {
 public:
  Clients(const shm::Segment& segment, EventLoop& loop, Log& log);

  /// Watches new claims, and gives back the endpoints of those whose owner is dead.
  void scan();

  /// The owner of an endpoint may be dead; `endpoint` is the event's index.
  void on_exit(std::uint32_t endpoint);

 private:
  struct Watched {
    shm::ProcessId process;
    Descriptor pidfd;
  };

  void look(std::uint32_t endpoint);
  void watch(std::uint32_t endpoint, shm::ProcessId process);
  void forget(Watched& watched);
  void reclaim(std::uint32_t endpoint, shm::ProcessId process);
  [[nodiscard]] shm::ProcessId claimant(std::uint32_t endpoint) const;

  const shm::Segment& segment_;
  EventLoop& loop_;
  Log& log_;
  std::vector<Watched> watched_;  // by client: endpoint minus the first client's
};

}  // namespace mabeam::supervisor

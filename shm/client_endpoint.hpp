// ClientEndpoint: the endpoint that a client has claimed, from the claim to the orderly leaving.
//
// The claim is one compare-exchange of a word that already holds the claimer's whole identity, so a
// client that dies on the next instruction is found by the supervisor's scan (pitfall 5.2). What
// the endpoint's words are after that is the claimer's alone, until it leaves or has been seen
// dead.
#pragma once

#include "shm/segment.hpp"
#include "shm/words.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <cstdint>

namespace mabeam::shm {

/// Which endpoint was claimed, and by whom.
struct ClientClaim {
  std::uint32_t endpoint = 0;
  ProcessId owner;
};

/// Waits until the runtime runs, then claims a free client endpoint, both until the deadline.
/// Errors: not_running, too_many_clients.
Result<ClientClaim> claim_client_endpoint(const Segment& segment, std::int64_t deadline_ns);

class ClientEndpoint {
 public:
  /// Takes over what was claimed. `segment` outlives this.
  ClientEndpoint(const Segment& segment, ClientClaim claim);
  ClientEndpoint(const ClientEndpoint&) = delete;
  ClientEndpoint& operator=(const ClientEndpoint&) = delete;
  /// Leaves in order: what a dead client's reclaimer would have to do.
  ~ClientEndpoint();

  [[nodiscard]] std::uint32_t index() const { return index_; }

  [[nodiscard]] AgentId id() const { return id_; }

  [[nodiscard]] ProcessId owner() const { return owner_; }

  [[nodiscard]] Doorbell& bell() const { return slot().doorbell; }

  [[nodiscard]] EndpointSlot& slot() const { return segment_.endpoint(index_); }

  // Counters of its own: one writer, so no read-modify-write.
  void count_sent(std::uint64_t n = 1) const { add(slot().sent, n); }

  void count_delivered() const { add(slot().delivered, 1); }

  void count_published(std::uint64_t n = 1) const { add(slot().published, n); }

  void count_refused(std::uint64_t n = 1) const { add(slot().refused, n); }

  void count_missed(std::uint64_t n) const { add(slot().missed, n); }

 private:
  static void add(Word& counter, std::uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  void notify(NoticeKind kind) const;

  const Segment& segment_;
  std::uint32_t index_;
  ProcessId owner_;
  AgentId id_;
};

}  // namespace mabeam::shm

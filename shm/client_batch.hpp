// ClientBatch: many requests at once, to many shards, answered in any order. At most as many are in
// flight to a shard as replies of it have room, so nothing is ever refused for want of room.
#pragma once

#include "shm/client_core.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace mabeam::shm {

class ClientBatch {
 public:
  /// Gets every answer; false ends the sending, and the rest is only awaited.
  using OnAnswer = std::function<bool(AgentId target, const Result<ClientReply>& answer)>;

  /// All requests are of one kind and carry the same symbol and payload. `core` and what the
  /// payload views outlive this.
  ClientBatch(ClientCore& core, const Outgoing& question);

  /// For a create, the target is its shard's endpoint with slot and generation 0.
  void add(AgentId target);

  /// Returns when every request has been answered. Those in flight at the deadline are abandoned.
  /// Errors: timed_out, not_running, and what sending refuses.
  Result<> run(std::int64_t deadline_ns, const OnAnswer& on_answer);

 private:
  struct Queue {
    std::vector<AgentId> targets;
    std::size_t next = 0;
  };

  struct InFlight {
    std::uint64_t correlation = 0;
    AgentId target;
  };

  Result<> send_what_fits();
  Result<bool> send_one(AgentId target);
  [[nodiscard]] bool has_progress();
  void collect(const OnAnswer& on_answer);
  Result<> give_up(Error error);

  ClientCore& core_;
  Outgoing question_;
  std::vector<Queue> queues_;  // by shard
  std::vector<InFlight> in_flight_;
  std::size_t unsent_ = 0;
  std::optional<Outgoing> blocked_;  // found its ring full
};

}  // namespace mabeam::shm

// ClientCalls: what a client has asked and not been answered, and its reading ends of the rings
// from the shards.
//
//   begin() -> waiting --- reply ---> answered -> take()
//                 \------- abandon() -> abandoned --- reply ---> orphan, if it made an agent
//
// Why abandoned calls are remembered: a create that timed out may have been carried out all the
// same; when its reply comes late, the agent that it made has no owner, and is to be stopped.
//
// A caller reserves the room of its reply: each outstanding call counts kReplyRoom bytes of the
// ring from its shard, so a shard that answers always finds room.
//
// Correlations count up from a random number, so an earlier owner's match nothing. A call's place
// is its correlation modulo the table's size; a number whose place is taken is skipped.
#pragma once

#include "shm/client_endpoint.hpp"
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace mabeam::shm {

class ClientCalls {
 public:
  static constexpr std::uint64_t kReplyRoom = 256;
  static constexpr std::uint32_t kMostPerShard = 64;  ///< calls in flight to one shard

  /// Both outlive this.
  ClientCalls(const Segment& segment, const ClientEndpoint& endpoint);

  /// Errors: corrupt (the header of a ring).
  Result<> open();

  /// True while one more reply of `shard` (its endpoint) has room.
  [[nodiscard]] bool has_credit(std::uint32_t shard) const;

  /// Enters a call. Returns its correlation, never 0.
  std::uint64_t begin(Kind kind, std::uint32_t shard);
  /// Takes back a call that could not be sent.
  void forget(std::uint64_t correlation);
  /// Gives up waiting; a late reply is dropped, and an agent that it tells of becomes an orphan.
  void abandon(std::uint64_t correlation);

  [[nodiscard]] bool is_answered(std::uint64_t correlation) const;
  /// The answer, once. Errors: what the shard or the agent answered; timed_out if there is none.
  Result<ClientReply> take(std::uint64_t correlation);

  /// Takes in the replies of one shard.
  void poll(std::uint32_t shard);
  /// Takes in everything that has come, from every shard and of every priority.
  void poll_all();

  /// Agents made by calls that were given up; the caller ends them.
  [[nodiscard]] std::vector<AgentId>& orphans() { return orphans_; }

 private:
  enum class State : std::uint8_t { free, waiting, answered, abandoned };

  struct Call {
    std::uint64_t correlation = 0;
    std::uint32_t shard = 0;
    Kind kind{};
    State state = State::free;
    Errc refusal{};
    ClientReply reply;
  };

  [[nodiscard]] Call* find(std::uint64_t correlation);
  [[nodiscard]] const Call* find(std::uint64_t correlation) const;
  void grow();
  void release(Call& call);
  void poll_ring(std::uint32_t shard, RingConsumer& ring);
  void receive(std::uint32_t shard, const Record& record);
  [[nodiscard]] bool deliver(std::uint32_t shard, const Received& reply);

  const Segment& segment_;
  const ClientEndpoint& endpoint_;
  std::vector<std::array<RingConsumer, kPriorities>> rings_;  // by shard
  std::vector<std::uint32_t> outstanding_;                    // by shard
  std::vector<Call> calls_;                                   // its size is a power of two
  std::vector<AgentId> orphans_;
  std::uint64_t next_correlation_;
  std::uint32_t credits_;  // of each shard
};

/// The agent that an answered create has made. Errors: corrupt.
Result<AgentId> created_agent(const Segment& segment, std::uint32_t shard, const Payload& payload);

}  // namespace mabeam::shm

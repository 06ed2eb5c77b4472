// ClientCalls: what a client has asked and not been answered, and its reading ends of the rings
// from the shards.
//
//   begin() -> waiting --- reply ---> answered -> take()
//                 \------- abandon() -> abandoned --- reply ---> orphan, if it made an agent
//
// Why abandoned calls are remembered: a create that timed out may have been carried out all the
// same; when its reply comes late, the agent that it made has no owner, and is to be stopped.
//
// A caller reserves the room of its reply: each outstanding call counts one or more times
// kReplyRoom bytes of the ring from its shard, so a shard that answers always finds room.
//
// Correlations count up from a random number, so an earlier owner's match nothing. A call's place
// is its correlation modulo the table's size; a number whose place is taken is skipped.
#pragma once

#include "shm/call_breakers.hpp"
#include "shm/client_endpoint.hpp"
#include "shm/client_tracer.hpp"
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mabeam::shm {

class ClientCalls {
 public:
  static constexpr std::uint64_t kReplyRoom = 256;
  static constexpr std::uint32_t kMostPerShard = 64;  ///< calls in flight to one shard

  /// How many times kReplyRoom a reply with that much payload may need.
  [[nodiscard]] static constexpr std::uint32_t rooms_for(std::size_t payload_bytes) {
    const std::uint64_t bytes = record_bytes(sizeof(MessageHeader) + payload_bytes);
    return static_cast<std::uint32_t>((bytes + kReplyRoom - 1) / kReplyRoom);
  }

  /// A refusal in a reply. A number that no build of ours writes is damage.
  [[nodiscard]] static Errc refusal_of(std::uint16_t code);

  /// Where the asker of many calls finds which of them have been answered.
  struct Arrival {
    std::uint64_t correlation = 0;
    std::size_t number = 0;  ///< the asker's own
  };

  using Inbox = std::vector<Arrival>;

  /// How a call is entered. The inbox outlives the call.
  struct Entry {
    std::uint32_t rooms = 1;
    Inbox* inbox = nullptr;
    std::size_t number = 0;
  };

  /// All outlive this. The tracer is told when a call ends.
  ClientCalls(const Segment& segment, const ClientEndpoint& endpoint, ClientTracer& tracer);

  /// Errors: corrupt (the header of a ring).
  Result<> open();

  /// True while one more reply of `shard` (its endpoint) has room.
  [[nodiscard]] bool has_credit(std::uint32_t shard, std::uint32_t rooms = 1) const;

  /// How many rooms one shard's replies have together.
  [[nodiscard]] std::uint32_t credits() const { return credits_; }

  /// Enters a call. Returns its correlation, never 0.
  std::uint64_t begin(Kind kind, std::uint32_t shard, const Entry& entry);

  std::uint64_t begin(Kind kind, std::uint32_t shard) { return begin(kind, shard, Entry{}); }

  /// Takes back a call that could not be sent.
  void forget(std::uint64_t correlation);
  /// Gives up waiting; a late reply is dropped, and the agents that it tells of become orphans.
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
    Entry entry;
    ClientReply reply;
  };

  [[nodiscard]] Call* find(std::uint64_t correlation);
  [[nodiscard]] const Call* find(std::uint64_t correlation) const;
  void grow();
  void release(Call& call);
  void poll_ring(std::uint32_t shard, std::uint32_t priority);
  void receive(std::uint32_t shard, std::uint32_t priority, const Record& record);
  [[nodiscard]] bool deliver(std::uint32_t shard, const Received& reply);

  const Segment& segment_;
  const ClientEndpoint& endpoint_;
  ClientTracer& tracer_;
  CallBreakers breakers_;
  std::vector<std::array<RingConsumer, kPriorities>> rings_;  // by shard
  std::vector<std::uint32_t> outstanding_;                    // rooms, by shard
  std::vector<Call> calls_;                                   // its size is a power of two
  std::vector<AgentId> orphans_;
  std::uint64_t next_correlation_;
  std::uint32_t credits_;  // of each shard
};

/// The agents that an answered create has made: one or more. Errors: corrupt.
Result<std::vector<AgentId>> created_agents(const Segment& segment, std::uint32_t shard,
                                            std::span<const std::byte> ids);

}  // namespace mabeam::shm

// A segment with two shards, each run by a process of its own that spins: the whole path from agent
// to agent, without a supervisor.
#pragma once

#include "shm/clock.hpp"
#include "shm/segment.hpp"
#include "shm/wire.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include "mabeam/agent.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mabeam::bench {

struct Payload56 {
  std::array<std::uint64_t, 7> words{};
};

/// An agent that counts what arrives, in a durable state of 64 bytes.
struct Sink {
  static constexpr AgentType type{.name = "sink"};

  struct State {
    std::int64_t count = 0;
    std::array<std::int64_t, 7> rest{};
  };

  Result<> on_signal(Context&, State& state, const Signal&) const {
    ++state.count;
    return {};
  }
};

/// What a shard has counted, as its last turn has left it.
const shm::ShardRecord& record_of(const shm::Segment& segment, std::uint32_t shard);

class TwoShards {
 public:
  explicit TwoShards(std::span<const TypeDescriptor> types, std::uint32_t max_agents = 4096);
  ~TwoShards();
  TwoShards(const TwoShards&) = delete;
  TwoShards& operator=(const TwoShards&) = delete;

  /// An agent on shard 0 or 1, made before any process runs.
  AgentId create(std::uint32_t shard, std::string_view type);

  /// Leaves a message for an agent in a client's ring, as if that client had sent it.
  void post(AgentId to, std::string_view name, PayloadRef payload,
            shm::Kind kind = shm::Kind::signal);

  [[nodiscard]] const shm::Segment& segment() const { return segment_; }

  [[nodiscard]] const shm::ShardRecord& record(std::uint32_t shard) const {
    return record_of(segment_, shard);
  }

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] std::span<const TypeDescriptor> descriptors() const { return descriptors_; }

 private:
  std::string name_;
  std::span<const TypeDescriptor> descriptors_;
  shm::Segment segment_;
};

/// One of them in the hands of its owner. To be made in the process that shall own it: a child has
/// no mapping of its parent's.
class OwnedShard {
 public:
  OwnedShard(const TwoShards& shards, std::uint32_t shard);

  /// Runs turns until done() is true; asks after every few turns.
  template <class Done>
  void run(std::uint32_t turn_messages, Done&& done) {
    worker::Limits limits;
    limits.turn_messages = turn_messages;
    for (; !done(); clock_.refresh()) {
      for (int i = 0; i < 16; ++i)
        shard_.run_turn(limits);
    }
  }

  [[nodiscard]] const shm::Segment& segment() const { return segment_; }

  /// Runs turns until that many messages are taken, which must have been sent.
  void take(std::uint64_t messages) {
    const worker::Limits limits;
    clock_.refresh();
    for (std::uint64_t taken = 0; taken < messages;)
      taken += shard_.run_turn(limits);
  }

 private:
  shm::Segment segment_;
  worker::Types types_;
  shm::CachedClock clock_;
  worker::Shard shard_;
};

}  // namespace mabeam::bench

// SegmentFiller: puts into a segment what a runtime at work leaves there, by hand and without any
// other process: workers that own shards, agents with names and subscriptions, messages under way,
// events in logs, dead letters. Every change of a shard is a turn, as a worker would make it.
#pragma once

#include "shm/letters.hpp"
#include "shm/segment.hpp"
#include "shm/turn.hpp"
#include "shm/wire.hpp"

#include "mabeam/context.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace mabeam::tests {

class SegmentFiller {
 public:
  /// `segment` outlives this.
  explicit SegmentFiller(const shm::Segment& segment) : segment_(segment) {}

  /// This process plays supervisor and all workers; shards go to workers in turn.
  void start();
  /// start(), then a little of everything.
  void fill();

  /// Facts of the supervisor and of a worker, and the backtrace of one that a signal has killed.
  void record_a_crash();

  /// Puts an agent on a shard, or, if it has a name, on the name's.
  AgentId create(std::string_view type, const AgentOptions& options = {}, std::uint32_t shard = 0);
  void end(AgentId agent);
  /// A timer of the agent's that repeats every hour.
  void set_timer(AgentId agent, std::string_view name);
  /// As if the agent had handled a message: the other half is current, and says so.
  void touch(AgentId agent);

  void emit(std::uint32_t endpoint, std::string_view topic, std::string_view text);
  void send(std::uint32_t source, AgentId target, Priority priority, std::string_view signal,
            std::string_view text);
  /// The same of a client's, whose text lies in a block.
  void send_in_block(std::uint32_t client, AgentId target, std::string_view signal,
                     std::string_view text);
  /// Reads up to `limit` messages of a ring that leads to a shard.
  void receive(std::uint32_t source, std::uint32_t target, Priority priority, std::uint32_t limit);
  void bury(std::uint32_t shard, shm::DeadReason reason, std::string_view text);
  /// Ends a dead letter, by its number.
  void settle(std::uint32_t shard, std::uint64_t letter, shm::LetterFate fate);
  /// A span, in the ring of a shard or a client.
  void leave_span(std::uint32_t endpoint, AgentId agent);
  /// Takes a cursor in every log.
  void listen(std::uint32_t reader);
  /// A client's own subscription.
  void subscribe(std::uint32_t client, std::string_view pattern);

  Symbol symbol(std::string_view text);

  shm::EndpointSlot& shard_slot(std::uint32_t shard) {
    return segment_.endpoint(shm::Segment::endpoint_of_shard(shard));
  }

  /// One turn of a shard: `stage` stages its words up to the record, which this does, then
  /// `publish` the others.
  using Stage = std::function<void(shm::Turn&, shm::ShardRecord&)>;
  void turn(std::uint32_t shard, const Stage& stage,
            const std::function<void(shm::Turn&)>& publish = {});

 private:
  [[nodiscard]] std::uint32_t free_slot(std::uint32_t shard) const;
  void write_record(std::uint32_t shard, std::uint32_t slot, Symbol type,
                    const AgentOptions& options);
  void stage_subscriptions(shm::Turn& turn, std::uint32_t shard, std::uint32_t slot,
                           std::span<const std::string_view> patterns);
  shm::MessageHeader header_for(std::uint32_t source, std::string_view symbol_text);

  const shm::Segment& segment_;
  std::uint64_t next_id_ = 1;
};

}  // namespace mabeam::tests

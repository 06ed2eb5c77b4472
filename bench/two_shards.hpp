// A segment with two shards, each run by a process of its own that spins: the whole path from agent
// to agent, without a supervisor.
#pragma once

#include "shm/segment.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include "mabeam/agent.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace mabeam::bench {

class TwoShards {
 public:
  explicit TwoShards(std::span<const TypeDescriptor> types);
  ~TwoShards();
  TwoShards(const TwoShards&) = delete;
  TwoShards& operator=(const TwoShards&) = delete;

  /// An agent on shard 0 or 1, made before any process runs.
  AgentId create(std::uint32_t shard, std::string_view type);

  /// Leaves a signal for an agent in a client's ring, as if that client had sent it.
  void post(AgentId to, std::string_view signal, PayloadRef payload);

  /// In the process that shall own the shard: runs its turns until done(record) is true.
  void run(std::uint32_t shard, std::uint32_t turn_messages,
           const std::function<bool(const shm::ShardRecord&)>& done);

  [[nodiscard]] const shm::ShardRecord& record(std::uint32_t shard) const;

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::span<const TypeDescriptor> descriptors_;
  shm::Segment segment_;
};

}  // namespace mabeam::bench

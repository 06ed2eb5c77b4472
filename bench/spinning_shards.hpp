// A runtime of some shards, each in a worker process of its own that never sleeps, without a
// supervisor: what clients see of a runtime, as fast as it gets.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/agent.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mabeam::bench {

class SpinningShards {
 public:
  /// The segment, with room for so many agents. Nobody runs yet.
  SpinningShards(std::span<const TypeDescriptor> types, std::uint32_t max_agents,
                 std::uint32_t shards = 2);
  /// Ends the processes and removes the segment.
  ~SpinningShards();
  SpinningShards(const SpinningShards&) = delete;
  SpinningShards& operator=(const SpinningShards&) = delete;

  /// Makes agents of those names, before any process runs.
  std::vector<AgentId> put_named(std::string_view type, const std::vector<std::string>& names);

  /// Starts the processes.
  void start();

  /// Nanoseconds that a new owner needs to take a shard over. Nobody may run.
  double adopt_ns(std::uint32_t shard);

  [[nodiscard]] const shm::Segment& segment() const { return segment_; }

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  [[noreturn]] void serve(std::uint32_t shard) const;

  std::string name_;
  std::span<const TypeDescriptor> types_;
  shm::Segment segment_;
  std::vector<pid_t> children_;  // by shard; 0: not yet
};

}  // namespace mabeam::bench

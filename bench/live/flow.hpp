// Flow: a steady load on every shard of a runtime, from a thread of its own. Each shard has a
// counter that is called, up to 16 calls in flight and each answer one more than the last, so that
// a call that is lost, done twice or overtaken shows; and signals go round all other counters,
// which in the end hold as many as were sent. The longest time without an answer of a shard is told
// to about a tenth of a millisecond.
#pragma once

#include "mabeam/client.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace mabeam::bench {

class Flow {
 public:
  /// Begins. `crowd`: counters that have never counted.
  Flow(const std::string& runtime, std::uint32_t shards, std::vector<AgentId> crowd);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  /// The longest gap of that shard since it was last asked.
  double take_longest_ms(std::uint32_t shard);
  /// Waits until that shard has answered a call that is sent from now on.
  void await_answer(std::uint32_t shard);

  /// Ends it, counts, and prints a line.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  struct Lane {
    AgentId counter;
    std::deque<PendingCall> calls;
    std::int64_t last = 0;
    Clock::time_point answered = Clock::now();
    std::atomic<std::int64_t> longest_ns = 0;
    std::atomic<std::uint64_t> answers = 0;
  };

  void run();
  void collect(Lane& lane);
  void call(Lane& lane);
  void signal_next();

  Client client_;
  std::vector<AgentId> crowd_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Symbol increment_;
  std::uint64_t signals_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t out_of_order_ = 0;
  std::atomic<bool> shall_stop_ = false;
  std::thread thread_;
};

}  // namespace mabeam::bench

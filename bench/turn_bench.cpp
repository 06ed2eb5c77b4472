// What a turn costs, in one process: a ring is filled from a client's end, and the shard's turns
// are timed while they empty it. Under valgrind the same program counts instructions
// (bench/turn-cost).
//
// Two kinds of load. "spread": every message of a turn is for another agent, so undo needs nothing
// but forgetting. "hot": all are for one agent, so from the second message of a turn on a pre-image
// of its 64-byte state is taken.
#include "bench/two_shards.hpp"

#include "mabeam/agent.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

namespace mabeam::bench {
namespace {

constexpr std::size_t kFill = 384;  // messages that fit the ring at once

void BM_Turn(benchmark::State& state) {
  const auto turn_messages = static_cast<std::uint32_t>(state.range(0));
  const bool is_hot = state.range(1) != 0;
  TwoShards shards{kTypes<Sink>};
  std::vector<AgentId> agents;
  for (std::size_t i = 0; i < (is_hot ? 1U : kFill); ++i) {
    agents.push_back(shards.create(0, "sink"));
  }
  shm::Segment segment = shm::Segment::attach(shards.name(), shm::Access::read_write).value();
  worker::Types types{segment.symbols()};
  (void)types.add(kTypes<Sink>);
  shm::CachedClock clock;
  worker::Shard shard{segment, types, clock, 0};
  if (!shard.adopt(shm::Incarnation::of(0, 1))) return;
  worker::Limits limits;
  limits.turn_messages = turn_messages;
  double best = 1;  // seconds; what disturbs a run only ever makes it slower
  for (auto _ : state) {
    for (std::size_t i = 0; i < kFill; ++i) {
      shards.post(agents[i % agents.size()], "hit", Payload56{});
    }
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t taken = 0; taken < kFill;)
      taken += shard.run_turn(limits);
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    state.SetIterationTime(passed.count());
    best = std::min(best, passed.count());
  }
  state.counters["ns_per_message"] = best * 1e9 / static_cast<double>(kFill);
}

BENCHMARK(BM_Turn)
    ->ArgNames({"turn_messages", "hot"})
    ->Args({1, 0})
    ->Args({64, 0})
    ->Args({1, 1})
    ->Args({64, 1})
    ->UseManualTime();

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();

// A client's batches by its single messages, and its calls in flight by calls one at a time;
// against two shards in processes of their own that spin. Each pair is measured in turn, a round
// each.
#include "bench/quantile.hpp"
#include "bench/spinning_shards.hpp"
#include "shm/clock.hpp"

#include "mabeam/client.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mabeam::bench {
namespace {

constexpr std::size_t kBatch = 100;
constexpr std::size_t kBatches = 200;
constexpr std::size_t kInFlight = 64;
constexpr std::size_t kCalls = 6'400;
constexpr int kRounds = 15;

struct Tally {
  static constexpr AgentType type{.name = "tally"};

  struct State {
    std::int64_t count = 0;
  };

  Result<std::int64_t> on_action(Context&, State& state, const Action&) const {
    return ++state.count;
  }

  Result<> on_event(Context&, State& state, const Event&) const {
    ++state.count;
    return {};
  }
};

constexpr std::span<const TypeDescriptor> kTallies = kTypes<Tally>;
constexpr std::chrono::seconds kPatience{10};

template <class Work>
double ns_of(Work&& work) {
  const std::int64_t began = shm::monotonic_ns();
  work();
  return static_cast<double>(shm::monotonic_ns() - began);
}

/// Rounds of two ways in turn: the time of one unit of each, and how many times the second's the
/// first takes.
template <class First, class Second>
void compare(benchmark::State& state, double units, First&& first, Second&& second) {
  std::vector<double> single;
  std::vector<double> together;
  std::vector<double> ratios;
  while (state.KeepRunning()) {
    for (int round = 0; round <= kRounds; ++round) {
      const double one = first() / units;
      const double other = second() / units;
      if (round == 0) continue;  // it warms up
      single.push_back(one);
      together.push_back(other);
      ratios.push_back(one / other);
    }
  }
  state.counters["single_ns"] = median(single);
  state.counters["together_ns"] = median(together);
  state.counters["ratio"] = median(ratios);
}

/// Only the emitting is measured; after each batch its subscriber is waited for.
void BM_EmitBatch(benchmark::State& state) {
  SpinningShards shards{kTallies, 64};
  shards.start();
  Client client = Client::attach(shards.name()).value();
  const std::string_view pattern = "bench.>";
  if (!client.create("tally", 1, {.subscribe = {&pattern, 1}}))
    state.SkipWithError("no subscriber");
  const Symbol topic = client.symbol("bench.event").value();
  const std::vector<EventItem> events(kBatch, EventItem{topic, 1});
  const auto measured = [&](const auto& emit) {
    double ns = 0;
    for (std::size_t i = 0; i < kBatches; ++i) {
      ns += ns_of(emit);
      if (client.wait_delivered(kPatience).pending != 0) state.SkipWithError("events are left");
    }
    return ns;
  };
  const auto one_by_one = [&] {
    for (const EventItem& event : events)
      if (!client.emit(event.topic, event.payload)) state.SkipWithError("an event was refused");
  };
  const auto together = [&] {
    for (const Result<>& emitted : client.emit_batch(events))
      if (!emitted) state.SkipWithError("an event was refused");
  };
  compare(
      state, kBatch * kBatches, [&] { return measured(one_by_one); },
      [&] { return measured(together); });
}

void BM_CallsInFlight(benchmark::State& state) {
  SpinningShards shards{kTallies, 64};
  shards.start();
  Client client = Client::attach(shards.name(), {.wait = WaitMode::spin}).value();
  const AgentId agent = client.create("tally").value().front();
  const Symbol action = client.symbol("count").value();
  const std::vector<CallItem> calls(kInFlight, CallItem{agent, action, 1});
  const auto one_by_one = [&] {
    for (std::size_t i = 0; i < kCalls; ++i)
      if (!client.call(agent, action, 1, kPatience)) state.SkipWithError("a call failed");
  };
  const auto in_flight = [&] {
    for (std::size_t i = 0; i < kCalls; i += kInFlight)
      if (!client.call_batch(calls, kPatience).back()) state.SkipWithError("a call failed");
  };
  compare(
      state, kCalls, [&] { return ns_of(one_by_one); }, [&] { return ns_of(in_flight); });
}

BENCHMARK(BM_EmitBatch)->Iterations(1);
BENCHMARK(BM_CallsInFlight)->Iterations(1);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();

// What tracing costs: signals from a client to an agent, which sends each on to an agent on another
// shard, with nothing sampled, one in a hundred, and everything; a round of each in turn. Client
// and both shards take turns in one thread: what is told is all that a message costs, and no
// processes disturb each other on too few cores. What "nothing sampled" costs shows where the whole
// path is measured against the bare ring (paired_bench), before and after.
#include "bench/quantile.hpp"
#include "bench/two_shards.hpp"
#include "shm/clock.hpp"

#include "mabeam/client.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mabeam::bench {
namespace {

constexpr std::uint64_t kBatch = 128;  // what the client sends before the shards' turns
constexpr int kBatches = 40;           // a round
constexpr int kRounds = 1001;
constexpr std::chrono::seconds kPatience{10};

/// Sends each signal on to its peer; without one it is the end.
struct Link {
  static constexpr AgentType type{.name = "link"};

  struct State {
    std::uint64_t peer = 0;
    std::array<std::int64_t, 7> rest{};
  };

  Result<> on_action(Context&, State& state, const Action& action) const {
    state.peer = action.payload().as_or<std::uint64_t>(0).value_or(0);
    return {};
  }

  Result<> on_signal(Context& context, State& state, const Signal&) const {
    ++state.rest[0];
    if (state.peer == 0) return {};
    static const Symbol hit = context.symbol("hit").value();
    return context.send(AgentId{state.peer}, hit, state.rest[0]);
  }
};

constexpr std::span<const TypeDescriptor> kLinks = kTypes<Link>;

struct Share {
  const char* name;
  std::uint64_t sample;
};

constexpr std::array kShares{Share{"off", 0}, Share{"one_percent", shm::kSampleAll / 100},
                             Share{"all", shm::kSampleAll}};

void BM_Tracing(benchmark::State& state) {
  TwoShards shards{kLinks, 64};
  const std::array links{shards.create(0, "link"), shards.create(1, "link")};
  shards.segment().header().state.store(static_cast<std::uint32_t>(RuntimeState::running));
  OwnedShard first{shards, 0};
  OwnedShard second{shards, 1};
  shards.post(links[0], "link", links[1].value(), shm::Kind::request);
  first.take(1);
  Client client = Client::attach(shards.name(), {.wait = WaitMode::spin}).value();
  const Symbol hit = client.symbol("hit").value();
  const auto round = [&](std::uint64_t sample) {
    shards.segment().header().tunables.trace_sample.store(sample);
    const std::int64_t began = shm::monotonic_ns();
    for (int batch = 0; batch < kBatches; ++batch) {
      for (std::uint64_t i = 0; i < kBatch; ++i) {
        if (!client.send(links[0], hit, 1, {}, kPatience))
          state.SkipWithError("a signal was refused");
      }
      first.take(kBatch);
      second.take(kBatch);
    }
    return kBatches * kBatch * 1e9 / static_cast<double>(shm::monotonic_ns() - began);
  };
  std::array<std::vector<double>, kShares.size()> rates;
  while (state.KeepRunning()) {
    for (int i = 0; i <= kRounds; ++i) {
      for (std::size_t share = 0; share < kShares.size(); ++share) {
        const double rate = round(kShares[share].sample);
        if (i != 0) rates[share].push_back(rate);  // the first one warms up
      }
    }
  }
  for (std::size_t share = 0; share < kShares.size(); ++share) {
    const std::string name = kShares[share].name;
    state.counters[name + "_per_s"] = median(rates[share]);
    if (share == 0) continue;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < rates[0].size(); ++i)
      ratios.push_back(rates[share][i] / rates[0][i]);
    state.counters[name + "_ratio"] = median(ratios);
  }
}

BENCHMARK(BM_Tracing)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mabeam::bench

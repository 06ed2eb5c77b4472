// What tracing costs: signals from a client to an agent, which sends each on to an agent on another
// shard, with nothing sampled, one in a hundred, and everything; a round of each in turn, in the
// same processes. What "nothing sampled" costs shows where the whole path is measured against the
// bare ring (paired_bench), before and after.
#include "bench/quantile.hpp"
#include "bench/spinning_shards.hpp"
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

constexpr std::uint64_t kMessages = 50'000;  // a round
constexpr int kRounds = 61;
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

std::uint64_t delivered(const shm::Segment& segment, std::uint32_t shard) {
  const shm::TurnRegion& region = segment.turn(shard);
  return region.record[region.record_version.load(std::memory_order_acquire) & 1U].delivered;
}

void BM_Tracing(benchmark::State& state) {
  SpinningShards shards{kLinks, 64};
  shards.start();
  Client client = Client::attach(shards.name(), {.wait = WaitMode::spin}).value();
  const std::vector<AgentId> links = client.create("link", 2).value();
  const auto end = static_cast<std::uint32_t>(links[1].endpoint()) - 1;
  if (links[0].endpoint() == links[1].endpoint() ||
      !client.call(links[0], "link", links[1].value(), kPatience)) {
    state.SkipWithError("the chain is not over two shards");
  }
  const Symbol hit = client.symbol("hit").value();
  const auto round = [&](std::uint64_t sample) {
    shards.segment().header().tunables.trace_sample.store(sample);
    const std::uint64_t until = delivered(shards.segment(), end) + kMessages;
    const std::int64_t began = shm::monotonic_ns();
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      if (!client.send(links[0], hit, 1, {}, kPatience))
        state.SkipWithError("a signal was refused");
    }
    while (delivered(shards.segment(), end) < until && shm::monotonic_ns() < began + 60'000'000'000)
      ;
    return static_cast<double>(kMessages) * 1e9 / static_cast<double>(shm::monotonic_ns() - began);
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

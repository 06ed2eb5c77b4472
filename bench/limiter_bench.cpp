// What a decision of the rate limiter costs: off, alone, and with another process that takes from
// the same rate; and what one costs that takes each token by itself.
#include "bench/two_processes.hpp"
#include "shm/clock.hpp"
#include "shm/limiter.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>

namespace mabeam::bench {
namespace {

using shm::RateLease;
using shm::RateLimit;
using shm::RateSetting;

constexpr std::uint64_t kDecisions = 4'000'000;

void decide(RateLimit& limit, std::uint64_t decisions) {
  RateLease lease;
  for (std::uint64_t i = 0; i < decisions; ++i)
    benchmark::DoNotOptimize(lease.take(limit, 1, shm::monotonic_ns).is_allowed);
}

/// Without a lease: a compare-exchange a token.
void decide_one_by_one(RateLimit& limit, std::uint64_t decisions) {
  const RateSetting setting = RateSetting::unpack(limit.setting.load());
  for (std::uint64_t i = 0; i < decisions; ++i) {
    benchmark::DoNotOptimize(shm::take_tokens(limit, setting, 1, shm::monotonic_ns()).is_allowed);
  }
}

void run_alone(benchmark::State& state, RateSetting setting) {
  const Shared<RateLimit> limit;
  limit->setting.store(setting.pack());
  for (auto _ : state)
    decide(*limit, kDecisions);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kDecisions));
}

using Decide = void (*)(RateLimit& limit, std::uint64_t decisions);

void run_contended(benchmark::State& state, Decide how, RateSetting setting) {
  for (auto _ : state) {
    const Shared<RateLimit> limit;
    limit->setting.store(setting.pack());
    const double seconds =
        run_pair([&] { how(*limit, kDecisions); }, [&] { how(*limit, kDecisions); });
    state.SetIterationTime(seconds);
    report_rate(state, 2 * kDecisions, seconds);
  }
}

/// A rate that is never reached, one that always is.
constexpr RateSetting kPlenty{.rate = 1'000'000'000, .burst = 1'000'000'000};
constexpr RateSetting kScarce{.rate = 1'000'000, .burst = 1'000};

BENCHMARK_CAPTURE(run_alone, off, RateSetting{})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_alone, plenty, kPlenty)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_alone, scarce, kScarce)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_contended, plenty, decide, kPlenty)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();
BENCHMARK_CAPTURE(run_contended, scarce, decide, kScarce)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();
BENCHMARK_CAPTURE(run_contended, plenty_one_by_one, decide_one_by_one, kPlenty)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

}  // namespace
}  // namespace mabeam::bench

// What a decision of the rate limiter costs: off, alone, and with another process that takes from
// the same rate; and what one costs that takes each token by itself. And how exactly a rate is
// kept:
//
//   limiter_bench --accuracy_seconds=10 --benchmark_filter=accuracy
//
// has two processes take all that they get of 1,000 and of 1,000,000 a second.
#include "bench/two_processes.hpp"
#include "shm/clock.hpp"
#include "shm/limiter.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace mabeam::bench {
namespace {

using shm::RateBucket;
using shm::RateLease;
using shm::RateSetting;
using shm::Word;

/// A setting, and what all who are kept to it share.
struct RateLimit {
  alignas(shm::kLinePair) Word setting;
  RateBucket bucket;
};

constexpr std::uint64_t kDecisions = 4'000'000;

void decide(RateLimit& limit, std::uint64_t decisions) {
  RateLease lease;
  for (std::uint64_t i = 0; i < decisions; ++i)
    benchmark::DoNotOptimize(
        lease
            .take(limit.setting.load(std::memory_order_relaxed), limit.bucket, 1, shm::monotonic_ns)
            .is_allowed);
}

/// Without a lease: a compare-exchange a token.
void decide_one_by_one(RateLimit& limit, std::uint64_t decisions) {
  const RateSetting setting = RateSetting::unpack(limit.setting.load());
  for (std::uint64_t i = 0; i < decisions; ++i) {
    benchmark::DoNotOptimize(
        shm::take_tokens(limit.bucket.next_ns, setting, 1, shm::monotonic_ns()).is_allowed);
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
    state.counters["ns_each"] = seconds * 1e9 / static_cast<double>(kDecisions);
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

/// Takes all that there is until `end_ns`. Returns how much that was.
std::uint64_t take_until(RateLimit& limit, std::int64_t end_ns) {
  RateLease lease;
  std::uint64_t taken = 0;
  while (shm::monotonic_ns() < end_ns) {
    const std::uint64_t setting = limit.setting.load(std::memory_order_relaxed);
    taken += lease.take(setting, limit.bucket, 1, shm::monotonic_ns).is_allowed ? 1U : 0U;
  }
  return taken;
}

/// What the time and a full bucket give; a tenth of a second's burst, so that nothing is lost while
/// the machine lets neither of them run.
void run_accuracy(benchmark::State& state, std::int64_t seconds) {
  const auto rate = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    const Shared<RateLimit> limit;
    const Shared<std::array<std::atomic<std::uint64_t>, 2>> taken;
    const RateSetting setting{.rate = rate, .burst = rate / 10};
    limit->setting.store(setting.pack());
    const std::int64_t begin_ns = shm::monotonic_ns();
    const std::int64_t end_ns = begin_ns + seconds * 1'000'000'000;
    (void)run_pair([&] { (*taken)[0].store(take_until(*limit, end_ns)); },
                   [&] { (*taken)[1].store(take_until(*limit, end_ns)); });
    const double wanted = setting.depth() + rate * static_cast<double>(end_ns - begin_ns) / 1e9;
    const auto got = static_cast<double>((*taken)[0].load() + (*taken)[1].load());
    state.counters["granted"] = got;
    state.counters["wanted"] = wanted;
    state.counters["error_percent"] = (got - wanted) * 100 / wanted;
  }
}

/// The value of --accuracy_seconds=, which it takes from the arguments; 0 without one.
std::int64_t take_accuracy_seconds(int& count, char** arguments) {
  static constexpr std::string_view kOption = "--accuracy_seconds=";
  std::int64_t seconds = 0;
  int kept = 0;
  for (int i = 0; i < count; ++i) {
    const std::string_view argument{arguments[i]};
    if (argument.starts_with(kOption)) {
      seconds = std::atoll(arguments[i] + kOption.size());
    } else {
      arguments[kept++] = arguments[i];
    }
  }
  count = kept;
  return seconds;
}

void register_accuracy(int& count, char** arguments) {
  const std::int64_t seconds = take_accuracy_seconds(count, arguments);
  if (seconds <= 0) return;
  benchmark::RegisterBenchmark("accuracy", run_accuracy, seconds)
      ->Arg(1'000)
      ->Arg(1'000'000)
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace mabeam::bench

int main(int count, char** arguments) {
  mabeam::bench::register_accuracy(count, arguments);
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

// What it costs to ask a circuit breaker for leave: while it is closed, as before each call; alone
// and with another process that asks the same one; while it is open; and to tell of an answer.
#include "bench/two_processes.hpp"
#include "bench/unique_name.hpp"
#include "shm/breaker.hpp"
#include "shm/call_breakers.hpp"
#include "shm/clock.hpp"
#include "shm/segment.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::uint64_t kAsks = 20'000'000;
constexpr std::uint32_t kShard = 1;  // as an endpoint

shm::Dimensions dimensions() {
  shm::DimensionRequest request;
  request.workers = 1;
  request.shards = 4;
  request.max_agents = 64;
  return shm::choose_dimensions(request, 1).value();
}

/// A segment of its own, whose shards nobody serves.
class Breakers {
 public:
  Breakers() : segment_(shm::Segment::create(unique_name(), dimensions()).value()) {}

  ~Breakers() { segment_.remove(); }

  Breakers(const Breakers&) = delete;
  Breakers& operator=(const Breakers&) = delete;

  [[nodiscard]] shm::CallBreakers calls() const { return shm::CallBreakers{segment_}; }

 private:
  shm::Segment segment_;
};

void ask(const shm::CallBreakers& breakers, std::uint64_t asks) {
  for (std::uint64_t i = 0; i < asks; ++i)
    benchmark::DoNotOptimize(breakers.ask(kShard).has_value());
}

void BM_AskClosed(benchmark::State& state) {
  const Breakers breakers;
  for (auto _ : state)
    benchmark::DoNotOptimize(breakers.calls().ask(kShard).has_value());
}

BENCHMARK(BM_AskClosed);

void BM_NoteAnswerClosed(benchmark::State& state) {
  const Breakers breakers;
  for (auto _ : state)
    breakers.calls().note_answer(kShard, 1);
}

BENCHMARK(BM_NoteAnswerClosed);

void BM_AskClosedByTwoProcesses(benchmark::State& state) {
  const Breakers breakers;
  const shm::CallBreakers calls = breakers.calls();
  for (auto _ : state) {
    const double seconds = run_pair([&] { ask(calls, kAsks); }, [&] { ask(calls, kAsks); });
    report_rate(state, 2 * kAsks, seconds);
    state.counters["ns_each"] = seconds * 1e9 / static_cast<double>(kAsks);
  }
}

BENCHMARK(BM_AskClosedByTwoProcesses)->Unit(benchmark::kMillisecond)->UseManualTime();

/// Refused at once, without a system call.
void BM_AskOpen(benchmark::State& state) {
  const Breakers breakers;
  for (int i = 0; i < 5; ++i)
    breakers.calls().note_silence(kShard);
  if (breakers.calls().ask(kShard)) state.SkipWithError("it is not open");
  for (auto _ : state)
    benchmark::DoNotOptimize(breakers.calls().ask(kShard).has_value());
}

BENCHMARK(BM_AskOpen);

/// A breaker by name, as handlers have it: asked and told, with the clock read.
void BM_AskAndSucceedNamed(benchmark::State& state) {
  shm::BreakerSlot slot{};
  shm::Breaker breaker{slot};
  const shm::BreakerRules rules;
  for (auto _ : state) {
    const shm::BreakerAdmission asked = breaker.ask(rules, shm::monotonic_ns());
    breaker.succeed(*asked.permit, rules);
  }
}

BENCHMARK(BM_AskAndSucceedNamed);

}  // namespace
}  // namespace mabeam::bench

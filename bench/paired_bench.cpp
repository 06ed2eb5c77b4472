// The whole path: an agent in one process to an agent in another, through turns, with durable
// 64-byte states, against the bare ring and the bare cache line of ring_bench (bench/report runs
// both).
#include "bench/two_processes.hpp"
#include "bench/two_shards.hpp"

#include "mabeam/agent.hpp"

#include <benchmark/benchmark.h>

#include <array>

namespace mabeam::bench {
namespace {

constexpr std::int64_t kMessages = 3'000'000;
constexpr std::int64_t kCalls = 200'000;
constexpr std::int64_t kBurst = 64;

std::vector<std::uint32_t> round_trips;  // of the caller's process
std::uint64_t call_began = 0;

struct Payload56 {
  std::array<std::uint64_t, 7> words{};
};

struct Job {
  std::uint64_t to = 0;
  std::int64_t left = 0;
};

/// Counts what arrives.
struct Sink {
  static constexpr AgentType type{.name = "sink"};

  struct State {
    std::int64_t count = 0;
    std::array<std::int64_t, 7> rest{};
  };

  Result<> on_signal(Context&, State& state, const Signal&) const {
    ++state.count;
    return {};
  }
};

/// Sends a burst, then tells itself to send the next one.
struct Pump {
  static constexpr AgentType type{.name = "pump"};

  struct State {
    std::int64_t sent = 0;
    std::array<std::int64_t, 7> rest{};
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    Result<Job> job = signal.payload().as<Job>();
    if (!job) return fail(job.error());
    const Symbol hit = context.symbol("hit").value();
    const Payload56 payload;
    for (std::int64_t i = 0; i < kBurst; ++i) {
      if (const auto sent = context.send(AgentId{job->to}, hit, payload); !sent) return sent;
    }
    state.sent += kBurst;
    job->left -= kBurst;
    if (job->left <= 0) return {};
    return context.send(context.self(), "pump", *job);
  }
};

/// Answers with what it got.
struct Answerer {
  static constexpr AgentType type{.name = "answerer"};

  struct State {
    std::array<std::int64_t, 8> words{};
  };

  Result<> on_action(Context& context, State& state, const Action& action) const {
    ++state.words[0];
    return context.reply(action.payload());
  }
};

/// Calls, and calls again when the answer has come.
struct Caller {
  static constexpr AgentType type{.name = "caller"};

  struct State {
    Job job;
    std::array<std::int64_t, 6> rest{};
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const Result<Job> job = signal.payload().as<Job>();
    if (!job) return fail(job.error());
    state.job = *job;
    return ask(context, state);
  }

  Result<> on_reply(Context& context, State& state, const Reply&) const {
    round_trips.push_back(static_cast<std::uint32_t>(ticks() - call_began));
    if (--state.job.left <= 0) return {};
    return ask(context, state);
  }

 private:
  static Result<> ask(Context& context, const State& state) {
    static const Symbol action = context.symbol("echo").value();
    call_began = ticks();
    const auto called = context.call(AgentId{state.job.to}, action, Payload56{});
    if (!called) return fail(called.error());
    return {};
  }
};

constexpr std::array kAll{describe_type<Sink>(), describe_type<Pump>(), describe_type<Answerer>(),
                          describe_type<Caller>()};

void BM_AgentToAgentOneWay(benchmark::State& state) {
  const auto turn = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    TwoShards shards{kAll};
    const AgentId pump = shards.create(0, "pump");
    const AgentId sink = shards.create(1, "sink");
    shards.post(pump, "pump", Job{sink.value(), kMessages});
    const auto all = static_cast<std::uint64_t>(kMessages);
    const double seconds = run_pair(
        [&] {
          shards.run(0, turn, [&](const shm::ShardRecord& record) { return record.sent >= all; });
        },
        [&] {
          shards.run(1, turn,
                     [&](const shm::ShardRecord& record) { return record.delivered >= all; });
        });
    report_rate(state, all, seconds);
  }
}

void BM_AgentCallRoundTrip(benchmark::State& state) {
  for (auto _ : state) {
    TwoShards shards{kAll};
    const AgentId caller = shards.create(0, "caller");
    const AgentId answerer = shards.create(1, "answerer");
    shards.post(caller, "start", Job{answerer.value(), kCalls});
    round_trips.clear();
    round_trips.reserve(kCalls);
    const double seconds = run_pair(
        [&] {
          shards.run(0, 64, [&](const shm::ShardRecord&) {
            return round_trips.size() >= static_cast<std::size_t>(kCalls);
          });
        },
        [&] {
          shards.run(1, 64, [&](const shm::ShardRecord& record) {
            return record.delivered >= static_cast<std::uint64_t>(kCalls);
          });
        });
    state.SetIterationTime(seconds);
  }
  report_round_trips(state, round_trips);
}

BENCHMARK(BM_AgentToAgentOneWay)
    ->ArgName("turn_messages")
    ->Arg(1)
    ->Arg(64)
    ->UseManualTime()
    ->Iterations(3);
BENCHMARK(BM_AgentCallRoundTrip)->UseManualTime()->Iterations(3);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();

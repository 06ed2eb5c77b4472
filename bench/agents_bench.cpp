// Agents by the hundred thousand: made, called, ended by a real client; found by id and by name;
// taken over. Two shards in two worker processes, and beside each figure one of the standard
// library's from the same run.
//
// The client and the two workers are three processes: on two CPUs, or while anything else runs,
// the rates are lower bounds. bench/agents-cost counts instructions instead.
#include "bench/quantile.hpp"
#include "bench/spinning_shards.hpp"
#include "bench/two_shards.hpp"
#include "shm/clock.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include "mabeam/client.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace mabeam::bench {
namespace {

constexpr std::size_t kAgents = 100'000;
constexpr std::size_t kThreads = 500;
constexpr std::size_t kInFlight = 64;
constexpr std::size_t kCyclesOfRound = 64'000;
constexpr std::size_t kRounds = 9;

struct Cell {
  static constexpr AgentType type{.name = "cell"};

  struct State {
    std::array<std::int64_t, 8> words{};
  };

  Result<std::int64_t> on_action(Context&, State& state, const Action&) const {
    return ++state.words[0];
  }
};

constexpr std::span<const TypeDescriptor> kCells = kTypes<Cell>;

/// What a plain program would keep of an agent.
struct PlainAgent {
  std::uint64_t version = 0;
  std::uint32_t type = 0;
  std::array<char, 64> name{};
  std::array<std::int64_t, 8> state{};
};

double seconds_of(const std::function<void()>& work) {
  const std::int64_t began = shm::monotonic_ns();
  work();
  return static_cast<double>(shm::monotonic_ns() - began) / 1e9;
}

void fill_map() {
  std::unordered_map<std::uint64_t, PlainAgent> map;
  for (std::uint64_t id = 0; id < kAgents; ++id)
    map.emplace(id, PlainAgent{});
  benchmark::DoNotOptimize(map);
}

void run_threads() {
  for (std::size_t i = 0; i < kThreads; ++i)
    std::thread{[] {}}.join();
}

void BM_CreateAgents(benchmark::State& state) {
  SpinningShards shards{kCells, 2 * kAgents};
  shards.start();
  Client client = Client::attach(shards.name()).value();
  std::vector<double> made;
  std::vector<double> ended;
  std::vector<double> map;
  std::vector<double> threads;
  while (state.KeepRunning()) {
    for (std::size_t round = 0; round <= kRounds; ++round) {
      std::vector<AgentId> ids;
      const double create = seconds_of([&] { ids = client.create("cell", kAgents).value(); });
      const double stop = seconds_of([&] { (void)client.stop_agents(ids); });
      if (client.count_agents() != 0) state.SkipWithError("agents are left");
      if (round == 0) continue;  // it warms up
      made.push_back(kAgents / create);
      ended.push_back(kAgents / stop);
      map.push_back(kAgents / seconds_of(fill_map));
      threads.push_back(kThreads / seconds_of(run_threads));
    }
  }
  state.counters["create_per_s"] = median(made);
  state.counters["stop_per_s"] = median(ended);
  state.counters["map_insert_per_s"] = median(map);
  state.counters["thread_per_s"] = median(threads);
}

void BM_Cycles(benchmark::State& state) {
  SpinningShards shards{kCells, 4096};
  shards.start();
  Client client = Client::attach(shards.name()).value();
  std::vector<double> rates;
  while (state.KeepRunning()) {
    for (std::size_t round = 0; round <= kRounds; ++round) {
      const double seconds = seconds_of([&] {
        for (std::size_t done = 0; done < kCyclesOfRound; done += kInFlight) {
          const auto ids = client.create("cell", kInFlight).value();
          const auto answers = client.call_many(ids, "count").value();
          if (!answers.front()) state.SkipWithError("an agent did not answer");
          if (!client.stop_agents(ids).back()) state.SkipWithError("an agent did not end");
        }
      });
      if (round != 0) rates.push_back(kCyclesOfRound / seconds);
    }
  }
  state.counters["cycles_per_s"] = median(rates);
}

/// The shard's part of it alone, without any other process.
void BM_ShardTurns(benchmark::State& state) {
  TwoShards shards{kCells};
  OwnedShard shard{shards, 0};
  const std::uint32_t client = shards.segment().first_client();
  auto replies = shm::RingConsumer::open(shards.segment().ring(1, client, Priority::high)).value();
  std::vector<std::byte> reply;
  const auto ask = [&](PayloadRef question, shm::Kind kind) {
    reply.clear();
    shards.post({EndpointId{1}, 0, 0}, "cell", question, kind);
    shard.run(kInFlight, [&] {
      (void)replies.poll(
          [&](const shm::Record& record) {
            const auto payload = shm::parse(record)->payload;
            reply.assign(payload.begin(), payload.end());
          },
          1);
      return !reply.empty();
    });
  };
  shm::CreateRequest request;
  request.count = kInFlight;
  std::vector<std::byte> ids;
  while (state.KeepRunningBatch(kInFlight)) {
    ask(request, shm::Kind::create);
    ids = reply;
    ask(std::span<const std::byte>{ids}, shm::Kind::stop_many);
  }
}

std::vector<std::string> agent_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kAgents; ++i)
    names.push_back("agent-" + std::to_string(i));
  return names;
}

/// Nanoseconds for each of them, in a random order.
template <class Key, class Find>
double find_all(const std::vector<Key>& keys, Find&& find) {
  std::uint64_t sum = 0;
  const double seconds = seconds_of([&] {
    for (const Key& key : keys)
      sum += find(key);
  });
  benchmark::DoNotOptimize(sum);
  return seconds * 1e9 / static_cast<double>(keys.size());
}

void BM_Lookup(benchmark::State& state) {
  SpinningShards shards{kCells, kAgents + kAgents / 4};
  std::vector<std::string> names = agent_names();
  std::vector<AgentId> ids = shards.put_named("cell", names);
  const shm::Segment& segment = shards.segment();
  std::unordered_map<AgentId, PlainAgent> by_id;
  std::unordered_map<std::string, AgentId> by_name;
  for (const AgentId id : ids)
    by_id.emplace(id, PlainAgent{});
  for (const std::string& name : names)
    by_name.emplace(name, segment.find_agent(name).value());
  std::mt19937_64 random{1};
  std::vector<std::array<double, 4>> rounds;
  while (state.KeepRunning()) {
    for (std::size_t round = 0; round < kRounds; ++round) {
      std::shuffle(ids.begin(), ids.end(), random);
      std::shuffle(names.begin(), names.end(), random);
      rounds.push_back({
          find_all(ids, [&](AgentId id) { return segment.is_alive(id) ? 1U : 0U; }),
          find_all(ids, [&](AgentId id) { return by_id.find(id)->second.version; }),
          find_all(names, [&](const auto& name) { return segment.find_agent(name)->value(); }),
          find_all(names, [&](const auto& name) { return by_name.find(name)->second.value(); }),
      });
    }
  }
  const auto median_of = [&](auto&& value) {
    std::vector<double> values;
    for (const auto& round : rounds)
      values.push_back(value(round));
    return median(values);
  };
  state.counters["id_ns"] = median_of([](const auto& round) { return round[0]; });
  state.counters["id_ratio"] = median_of([](const auto& round) { return round[0] / round[1]; });
  state.counters["name_ns"] = median_of([](const auto& round) { return round[2]; });
  state.counters["name_ratio"] = median_of([](const auto& round) { return round[2] / round[3]; });
}

void BM_TakeOver(benchmark::State& state) {
  SpinningShards shards{kCells, kAgents + kAgents / 4};
  (void)shards.put_named("cell", agent_names());
  std::vector<double> times;
  while (state.KeepRunning()) {
    for (std::size_t round = 0; round < kRounds; ++round)
      times.push_back((shards.adopt_ns(0) + shards.adopt_ns(1)) / 1e6);
  }
  const shm::Layout& layout = shards.segment().layout();
  const double slots = 2.0 * layout.dimensions.agents_per_shard;
  const std::uint64_t bytes = layout[shm::Region::agents].bytes +
                              layout[shm::Region::states].bytes + layout[shm::Region::names].bytes;
  state.counters["adopt_ms"] = median(times);
  // Its state is kept twice; the rest is the price of an agent.
  state.counters["bytes_per_agent"] =
      static_cast<double>(bytes) / slots - 2.0 * layout.dimensions.max_state_bytes;
}

BENCHMARK(BM_CreateAgents)->Iterations(1);
BENCHMARK(BM_Cycles)->Iterations(1);
BENCHMARK(BM_ShardTurns);
BENCHMARK(BM_Lookup)->Iterations(1);
BENCHMARK(BM_TakeOver)->Iterations(1);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();

// Events: to one subscriber in another process, to a thousand, and what ten thousand patterns cost.
// Two shards, or four, in as many worker processes that never sleep, and a client that emits;
// beside each figure its baseline from the same run, in turn.
//
// The client and the workers are three processes, or five: on fewer CPUs, or while anything else
// runs, the rates are lower bounds.
#include "bench/quantile.hpp"
#include "bench/spinning_shards.hpp"
#include "bench/two_shards.hpp"
#include "shm/clock.hpp"
#include "shm/doorbell.hpp"
#include "shm/event_log.hpp"
#include "shm/interest.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include "mabeam/client.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::bench {
namespace {

using std::chrono::seconds;

constexpr std::size_t kRounds = 9;
constexpr std::uint64_t kEvents = 200'000;
constexpr std::uint64_t kTrips = 5'000;
constexpr std::size_t kSubscribers = 1000;
constexpr std::int64_t kToMany = 1'000;
constexpr std::size_t kPatternAgents = 625;
constexpr std::size_t kPatternsEach = 16;
constexpr std::uint32_t kRoom = 16'384;  // agents: a shard has room for as many patterns

/// Counts, and notes how old what it gets is: every message carries when it was sent.
struct Ear {
  static constexpr AgentType type{.name = "ear"};

  struct State {
    std::uint64_t heard = 0;
    std::int64_t age_ns = 0;  ///< of the last
  };

  static void hear(State& state, const Payload& payload) {
    ++state.heard;
    const Result<std::int64_t> sent = payload.as<std::int64_t>();
    state.age_ns = sent && *sent != 0 ? shm::monotonic_ns() - *sent : 0;
  }

  Result<> on_event(Context&, State& state, const Event& event) const {
    hear(state, event.payload());
    return {};
  }

  Result<> on_signal(Context&, State& state, const Signal& signal) const {
    hear(state, signal.payload());
    return {};
  }

  Result<std::int64_t> on_action(Context&, State& state, const Action& action) const {
    if (action.name() == "age") return state.age_ns;
    return static_cast<std::int64_t>(state.heard);
  }
};

constexpr std::span<const TypeDescriptor> kEars = kTypes<Ear>;

double seconds_of(const std::function<void()>& work) {
  const std::int64_t began = shm::monotonic_ns();
  work();
  return static_cast<double>(shm::monotonic_ns() - began) / 1e9;
}

std::int64_t ask(Client& client, AgentId agent, std::string_view what) {
  return client.call(agent, what)->payload().as<std::int64_t>().value();
}

/// Until it has heard that many.
void await(Client& client, AgentId agent, std::uint64_t heard) {
  while (static_cast<std::uint64_t>(ask(client, agent, "heard")) < heard) {
  }
}

std::vector<AgentId> make_ears(Client& client, std::size_t count, std::string_view pattern) {
  const std::array<std::string_view, 1> patterns{pattern};
  AgentOptions options;
  options.subscribe = patterns;
  return client.create("ear", count, options).value();
}

double emit_many(Client& client, Symbol topic, std::uint64_t events) {
  return seconds_of([&] {
    for (std::uint64_t i = 0; i < events; ++i)
      (void)client.emit(topic, std::int64_t{0}, seconds{10});
    (void)client.wait_delivered(seconds{10});
  });
}

/// One at a time: from the send to the handler, in nanoseconds.
std::vector<double> ages(Client& client, AgentId ear, const std::function<void()>& send) {
  std::vector<double> found;
  auto heard = static_cast<std::uint64_t>(ask(client, ear, "heard"));
  for (std::uint64_t i = 0; i < kTrips; ++i) {
    send();
    await(client, ear, ++heard);
    found.push_back(static_cast<double>(ask(client, ear, "age")));
  }
  return found;
}

void BM_EventToOne(benchmark::State& state) {
  SpinningShards shards{kEars, 4096};
  shards.start();
  Client client = Client::attach(shards.name()).value();
  const AgentId ear = make_ears(client, 1, "topic").front();
  const Symbol topic = client.symbol("topic").value();
  const Symbol silence = client.symbol("silence").value();
  std::vector<double> events;
  std::vector<double> ratios;
  std::vector<double> event_ages;
  std::vector<double> signal_ages;
  while (state.KeepRunning()) {
    for (std::size_t round = 0; round <= kRounds; ++round) {
      const double heard = emit_many(client, topic, kEvents);
      const double unheard = emit_many(client, silence, kEvents);
      if (round == 0) continue;  // it warms up
      events.push_back(kEvents / heard);
      ratios.push_back(unheard / heard);
    }
    { const Client left = std::move(client); }
    client = Client::attach(shards.name(), {.wait = WaitMode::spin}).value();
    event_ages = ages(client, ear, [&] { (void)client.emit(topic, shm::monotonic_ns()); });
    signal_ages = ages(client, ear, [&] { (void)client.send(ear, topic, shm::monotonic_ns()); });
  }
  state.counters["events_per_s"] = median(events);
  state.counters["events_ratio"] = median(ratios);
  state.counters["age_ns"] = quantile(event_ages, 0.5);
  state.counters["age_ratio"] = quantile(event_ages, 0.5) / quantile(signal_ages, 0.5);
  state.counters["age_p99_ns"] = quantile(event_ages, 0.99);
  state.counters["age_p99_ratio"] = quantile(event_ages, 0.99) / quantile(signal_ages, 0.99);
}

/// Over as many workers as its argument says.
void BM_EventToThousand(benchmark::State& state) {
  SpinningShards shards{kEars, 4096, static_cast<std::uint32_t>(state.range(0))};
  shards.start();
  Client client = Client::attach(shards.name()).value();
  const std::vector<AgentId> ears = make_ears(client, kSubscribers, "topic");
  const Symbol topic = client.symbol("topic").value();
  const AgentId single = make_ears(client, 1, "single").front();
  const Symbol to_one = client.symbol("single").value();
  std::vector<double> deliveries;
  std::vector<double> ratios;
  std::int64_t heard = 0;
  while (state.KeepRunning()) {
    for (std::size_t round = 0; round <= kRounds; ++round) {
      const double to_all = emit_many(client, topic, kToMany) / kToMany / kSubscribers;
      const double to_single = emit_many(client, to_one, kEvents) / kEvents;
      heard += kToMany;
      if (round == 0) continue;
      deliveries.push_back(1 / to_all);
      ratios.push_back(to_single / to_all);
    }
  }
  for (const AgentId ear : ears) {
    if (ask(client, ear, "heard") != heard) state.SkipWithError("an event was missed");
  }
  benchmark::DoNotOptimize(single);
  state.counters["deliveries_per_s"] = median(deliveries);
  state.counters["subscriber_ns"] = 1e9 / median(deliveries);
  state.counters["deliveries_ratio"] = median(ratios);
}

/// A runtime in this process alone, so that nothing but its own work is measured: a client emits,
/// then the shard serves.
class OneProcess {
 public:
  /// One ear for topic.*.
  OneProcess() : shards_(kEars, kRoom), shard_(shards_, 0) {
    const shm::Segment& segment = shards_.segment();
    replies_ =
        shm::RingConsumer::open(segment.ring(1, segment.first_client(), Priority::high)).value();
    const std::array<std::string, 1> mine{"topic.*"};
    create(mine);
    log_ =
        shm::EventLogWriter::open(segment.log(segment.first_client()), segment.endpoints()).value();
    for (int i = 0; i < kTopics; ++i)
      topics_.push_back(segment.symbols().intern("topic." + std::to_string(i)).value());
    interest_.emplace(segment);
  }

  /// Ten thousand patterns that never match, half of them with a wildcard.
  void add_patterns() {
    for (std::size_t made = 0; made < kPatternAgents; ++made) {
      std::array<std::string, kPatternsEach> texts;
      for (std::size_t i = 0; i < kPatternsEach; ++i) {
        texts[i] = "other." + std::to_string(made * kPatternsEach + i) + (i % 2 ? ".*" : ".x");
      }
      create(texts);
    }
  }

  /// Nanoseconds for an event, from the emission to the commit of its handler's turn.
  double event_ns() {
    const double total = seconds_of([&] {
      for (std::uint64_t emitted = 0; emitted < kAlone; emitted += kTopics) {
        for (const Symbol topic : topics_)
          emit(topic);
        heard_ += kTopics;
        shard_.run(64, [&] { return shards_.record(0).events_delivered == heard_; });
      }
    });
    return total * 1e9 / kAlone;
  }

 private:
  static constexpr int kTopics = 64;
  static constexpr std::uint64_t kAlone = 64'000;

  void create(std::span<const std::string> patterns) {
    shm::CreateRequest request;
    for (const std::string& pattern : patterns) {
      request.subscriptions[request.subscription_count++] =
          shards_.segment().symbols().intern(pattern).value();
    }
    shards_.post({EndpointId{1}, 0, 0}, "ear", request, shm::Kind::create);
    shard_.run(1, [&] { return replies_.poll([](const shm::Record&) {}, 1).value() == 1; });
  }

  // As a client does it.
  void emit(Symbol topic) {
    const std::uint32_t client = shards_.segment().first_client();
    shm::MessageHeader header;
    header.symbol = topic;
    header.source = AgentId{static_cast<EndpointId>(client), AgentId::kClientSlot, 0}.value();
    header.id = log_.sequence();
    header.sent_ns = shm::monotonic_ns();
    shm::compose(*log_.claim(sizeof header, static_cast<std::uint16_t>(shm::Kind::event)), header,
                 {});
    log_.publish();
    shm::full_fence();
    interest_->of(topic).for_each(
        [&](std::uint32_t reader) { shards_.segment().announce(client, reader); });
  }

  TwoShards shards_;
  OwnedShard shard_;
  shm::RingConsumer replies_;
  shm::EventLogWriter log_;
  std::optional<shm::Interest> interest_;
  std::vector<Symbol> topics_;
  std::uint64_t heard_ = 0;
};

/// One pattern, then ten thousand and one, over 64 topics that all match.
void BM_Patterns(benchmark::State& state) {
  OneProcess process;
  const auto measure = [&] {
    std::vector<double> rounds;
    (void)process.event_ns();  // each topic is matched once
    for (std::size_t round = 0; round < 3 * kRounds; ++round)
      rounds.push_back(process.event_ns());
    return median(rounds);
  };
  double one = 0;
  double many = 0;
  while (state.KeepRunning()) {
    one = measure();
    process.add_patterns();
    many = measure();
  }
  state.counters["one_ns"] = one;
  state.counters["many_ns"] = many;
  state.counters["more_ns"] = many - one;
  state.counters["many_ratio"] = many / one;
}

BENCHMARK(BM_EventToOne)->Iterations(1);
BENCHMARK(BM_EventToThousand)->ArgName("workers")->Arg(2)->Arg(4)->Iterations(1);
BENCHMARK(BM_Patterns)->Iterations(1);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();

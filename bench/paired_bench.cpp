// The figures that are judged as ratios, each measured in turn with its baseline in the same two
// processes (alternate.hpp): round trips against a bare cache line, one way against the bare ring.
// An agent's message takes the whole path: through turns, with durable 64-byte states.
#include "bench/alternate.hpp"
#include "bench/carriers.hpp"
#include "bench/two_processes.hpp"
#include "bench/two_shards.hpp"
#include "bench/unique_name.hpp"

#include "mabeam/agent.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::size_t kRounds = 40;
constexpr std::uint64_t kMessages = 256'000;     // a round
constexpr std::uint64_t kSlowMessages = 64'000;  // of message_queue
constexpr std::size_t kCalls = 4'000;            // a round
constexpr std::int64_t kBurst = 64;

std::vector<std::uint32_t> call_ticks;  // of the caller's process
std::uint64_t call_began = 0;

struct Job {
  std::uint64_t to = 0;
  std::int64_t left = 0;
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
    call_ticks.push_back(static_cast<std::uint32_t>(ticks() - call_began));
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

/// The same two, with states that are not durable.
struct LooseAnswerer : Answerer {
  static constexpr AgentType type{.name = "loose-answerer", .durable = false};
};

struct LooseCaller : Caller {
  static constexpr AgentType type{.name = "loose-caller", .durable = false};
};

constexpr std::array kAll{describe_type<Sink>(),          describe_type<Pump>(),
                          describe_type<Answerer>(),      describe_type<Caller>(),
                          describe_type<LooseAnswerer>(), describe_type<LooseCaller>()};

/// What the two processes do with two rings. Each opens its ends at their first use.
class RingPair {
 public:
  void call(std::span<std::uint32_t> samples) {
    open(*there_, *back_);
    call_ring(*producer_, *consumer_, samples);
  }

  void answer(std::size_t count) {
    open(*back_, *there_);
    answer_ring(*producer_, *consumer_, count);
  }

  void send(std::uint64_t count) {
    open(*there_, *back_);
    const std::array<std::byte, 56> payload{};
    send_ring(*producer_, payload, count, kBurst);
  }

  void receive(std::uint64_t count) {
    open(*back_, *there_);
    receive_ring(*consumer_, count);
  }

 private:
  void open(RingMemory& output, RingMemory& input) {
    if (producer_) return;
    producer_ = *shm::RingProducer::open(output.bytes);
    consumer_ = *shm::RingConsumer::open(input.bytes);
  }

  Shared<RingMemory> there_;
  Shared<RingMemory> back_;
  std::optional<shm::RingProducer> producer_;
  std::optional<shm::RingConsumer> consumer_;
};

/// An agent on each of two shards: `left` in the parent's process, `right` in the child's.
class AgentPair {
 public:
  AgentPair(std::string_view left, std::string_view right)
      : left_(shards_.create(0, left)),
        right_(shards_.create(1, right)) {}

  /// Parent: has `left` send `count` messages to `right`, until all have arrived.
  void send(std::uint32_t turn_messages, std::uint64_t count) {
    goal_ += count;
    shards_.post(left_, "pump", Job{right_.value(), static_cast<std::int64_t>(count)});
    own(0).run(turn_messages, [&] { return has_arrived(); });
  }

  /// Parent: has `left` call `right` until `count` answers have come.
  void call(std::uint64_t count) {
    goal_ += count;
    call_ticks.clear();
    shards_.post(left_, "start", Job{right_.value(), static_cast<std::int64_t>(count)});
    own(0).run(kBurst, [&] { return call_ticks.size() >= count; });
  }

  /// Child: serves until `count` more messages have arrived.
  void serve(std::uint32_t turn_messages, std::uint64_t count) {
    goal_ += count;
    own(1).run(turn_messages, [&] { return has_arrived(); });
  }

 private:
  OwnedShard& own(std::uint32_t shard) {
    if (!shard_) shard_.emplace(shards_, shard);
    return *shard_;
  }

  /// To be asked by an owner.
  [[nodiscard]] bool has_arrived() const {
    return record_of(shard_->segment(), 1).delivered >= goal_;
  }

  TwoShards shards_{kAll};
  AgentId left_;
  AgentId right_;
  std::optional<OwnedShard> shard_;
  std::uint64_t goal_ = 0;  // counted alike in both processes
};

void BM_RoundTrips(benchmark::State& state) {
  const Shared<TwoLines> lines;
  RingPair rings;
  AgentPair agents{"caller", "answerer"};
  std::vector<std::uint32_t> samples(kCalls);
  std::uint64_t pings = 1;
  const std::vector<Way> ways{
      {"ping",
       [&] {
         ping(*lines, pings, samples);
         pings += kCalls;
         return percentile_ns(samples, 0.5);
       },
       [&] {
         pong(*lines, pings, kCalls);
         pings += kCalls;
       }},
      {"ring",
       [&] {
         rings.call(samples);
         return percentile_ns(samples, 0.5);
       },
       [&] { rings.answer(kCalls); }},
      {"call",
       [&] {
         agents.call(kCalls);
         return percentile_ns(call_ticks, 0.5);
       },
       [&] { agents.serve(kBurst, kCalls); }},
      {"call_p99",
       [&] {
         agents.call(kCalls);
         return percentile_ns(call_ticks, 0.99);
       },
       [&] { agents.serve(kBurst, kCalls); }},
  };
  while (state.KeepRunning())
    alternate(state, ways, kRounds);
}

/// What it costs a call's round trip that both states are durable.
void BM_DurableCalls(benchmark::State& state) {
  AgentPair loose{"loose-caller", "loose-answerer"};
  AgentPair durable{"caller", "answerer"};
  const auto way = [](std::string name, AgentPair& agents) {
    return Way{std::move(name),
               [&] {
                 agents.call(kCalls);
                 return percentile_ns(call_ticks, 0.5);
               },
               [&] { agents.serve(kBurst, kCalls); }};
  };
  const std::vector<Way> ways{way("loose", loose), way("durable", durable)};
  while (state.KeepRunning())
    alternate(state, ways, kRounds);
}

void BM_OneWay(benchmark::State& state) {
  RingPair rings;
  AgentPair agents{"pump", "sink"};
  const Shared<BoostSpscQueue> boost_spsc;
  const std::string name = unique_name();
  boost::interprocess::message_queue::remove(name.c_str());
  boost::interprocess::message_queue queue{boost::interprocess::create_only, name.c_str(), 4096,
                                           sizeof(Message)};
  const auto counted = [](const auto& send) {
    return [send] {
      send();
      return 0.0;
    };
  };
  const std::vector<Way> ways{
      {"ring", counted([&] { rings.send(kMessages); }), [&] { rings.receive(kMessages); },
       kMessages},
      {"spsc_queue", counted([&] { push_all(*boost_spsc, kMessages); }),
       [&] { pop_all(*boost_spsc, kMessages); }, kMessages},
      {"message_queue", counted([&] { send_all(queue, kSlowMessages); }),
       [&] { receive_all(queue, kSlowMessages); }, kSlowMessages},
      {"agents64", counted([&] { agents.send(64, kMessages); }),
       [&] { agents.serve(64, kMessages); }, kMessages},
      {"agents1", counted([&] { agents.send(1, kMessages); }), [&] { agents.serve(1, kMessages); },
       kMessages},
  };
  while (state.KeepRunning())
    alternate(state, ways, kRounds);
  boost::interprocess::message_queue::remove(name.c_str());
}

BENCHMARK(BM_RoundTrips)->UseManualTime()->Iterations(1);
BENCHMARK(BM_DurableCalls)->UseManualTime()->Iterations(1);
BENCHMARK(BM_OneWay)->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();

// Every agent floods every other, over rings that are full in both directions: no circle of full
// rings stops the shards, and nothing is lost silently.
#include "shm/clock.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

constexpr std::uint32_t kFlooders = 6;  // three on each shard

/// Sends what it gets to all others, with one hop less, while there are hops left.
struct Flooder {
  static constexpr AgentType type{.name = "flooder"};

  struct State {
    std::array<AgentId, kFlooders> peers{};
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    if (signal.name() == "meet") {
      const auto peers = signal.payload().as<std::array<AgentId, kFlooders>>();
      if (!peers) return fail(peers.error());
      state.peers = *peers;
      return {};
    }
    ++state.received;
    const auto hops = signal.payload().as<std::int64_t>();
    if (!hops) return fail(hops.error());
    for (const AgentId peer : state.peers) {
      if (*hops == 0 || peer == context.self()) continue;
      if (const Result<> sent = context.send(peer, "flood", *hops - 1); !sent) return sent;
      ++state.sent;
    }
    return {};
  }
};

constexpr std::span<const TypeDescriptor> kFloods = kTypes<Flooder>;

class ShardFlood : public ShardTest {
 protected:
  ShardFlood() {
    limits_.stall_timeout_ns = 2'000'000;
    adopt(0, 2, kFloods).value();
    adopt(1, 2, kFloods).value();
    for (std::uint32_t i = 0; i < kFlooders; ++i)
      agents_[i] = create({.type = "flooder", .shard = i % 2}).value();
    for (const AgentId agent : agents_)
      post(agent, "meet", agents_);
    run(0);
    run(1);
  }

  [[nodiscard]] std::uint64_t total(std::uint64_t Flooder::State::*field) const {
    std::uint64_t sum = 0;
    for (const AgentId agent : agents_)
      sum += state<Flooder::State>(agent).*field;
    return sum;
  }

  [[nodiscard]] bool is_at_rest() { return shard(0).is_drained() && shard(1).is_drained(); }

  std::array<AgentId, kFlooders> agents_{};
};

TEST_F(ShardFlood, NoCircleOfFullRingsStopsTheShardsAndAllIsAccountedFor) {
  constexpr std::int64_t kHops = 6;
  constexpr std::int64_t kStandstillNs = 1'000'000'000;
  for (const AgentId agent : agents_)
    post(agent, "flood", kHops);
  std::int64_t moved_ns = shm::monotonic_ns();
  bool has_waited = false;
  while (!is_at_rest()) {
    const std::uint32_t taken = turn(0) + turn(1);
    has_waited = has_waited || (shard(0).is_waiting() && shard(1).is_waiting());
    const std::int64_t now = shm::monotonic_ns();
    if (taken != 0) moved_ns = now;
    ASSERT_LT(now - moved_ns, kStandstillNs) << "the shards wait for each other";
  }
  EXPECT_TRUE(has_waited) << "the flood was too small to fill any ring";
  const std::uint64_t overflowed = record(0).dead_lettered + record(1).dead_lettered;
  EXPECT_GT(overflowed, 0U);
  EXPECT_EQ(total(&Flooder::State::sent) + kFlooders,
            total(&Flooder::State::received) + overflowed);
}

}  // namespace
}  // namespace mabeam::worker

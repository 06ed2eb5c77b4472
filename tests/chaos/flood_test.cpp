// Every agent floods every other, on four workers with the smallest rings, while a client adds to
// it as fast as it is let: no circle of full rings stops the runtime, nothing is lost silently, and
// memory does not grow.
//
//   mabeam_chaos_tests --gtest_filter='*Flood*' --seconds 30
#include "tests/chaos/kills.hpp"
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kAgents = 16;
constexpr std::uint32_t kMostHops = 2;
constexpr milliseconds kLongestGap{1000};
constexpr milliseconds kWarmUp{500};
constexpr std::uint64_t kMostGrowth = 4U << 20U;  // bytes, of all workers together

unsigned long long as_number(std::uint64_t value) {
  return value;
}

/// The longest time in which a count did not go up.
class Gaps {
 public:
  void note(std::uint64_t count) {
    const Clock::time_point now = Clock::now();
    longest_ = std::max<Clock::duration>(longest_, now - moved_);
    if (count != count_) moved_ = now;
    count_ = count;
  }

  [[nodiscard]] double longest_ms() const {
    return std::chrono::duration<double, std::milli>(longest_).count();
  }

 private:
  std::uint64_t count_ = 0;
  Clock::time_point moved_ = Clock::now();
  Clock::duration longest_{};
};

class FloodTest : public RuntimeFixture {
 protected:
  FloodTest() {
    configure(
        "[runtime]\nworkers = 4\nshards = 4\n"
        "[channels]\nhigh_bytes = \"4KiB\"\nnormal_bytes = \"4KiB\"\nlow_bytes = \"4KiB\"\n"
        "[worker]\nstall_timeout = \"100ms\"\nmodules = [\"" MABEAM_MODULE_DIR "/flood.so\"]\n");
  }

  static std::vector<AgentId> make_flooders(Client& client) {
    std::vector<AgentId> agents = client.create("flooder", kAgents).value();
    std::array<AgentId, kAgents> peers{};
    std::copy(agents.begin(), agents.end(), peers.begin());
    for (const AgentId agent : agents)
      client.call(agent, "meet", peers, kPatience).value();
    return agents;
  }

  [[nodiscard]] std::uint64_t memory() const {
    const RuntimeView runtime = view().value();
    std::uint64_t sum = 0;
    for (const WorkerView& worker : runtime.workers)
      sum += worker.memory_bytes;
    return sum;
  }

  /// What the agents say that came and went.
  struct Counted {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
  };

  static Counted ask(Client& client, const std::vector<AgentId>& agents) {
    Counted all;
    for (const AgentId agent : agents) {
      const auto reply = client.call(agent, "get", {}, kPatience);
      std::istringstream words{std::string{reply.value().payload().text()}};
      Counted one;
      words >> one.received >> one.sent;
      all.received += one.received;
      all.sent += one.sent;
    }
    return all;
  }
};

TEST_F(FloodTest, EveryAgentFloodsEveryOtherAndAllIsAccountedFor) {
  start_ready();
  Client client = Client::attach(name(), {.attach_timeout = seconds{20}}).value();
  const Observer observer = Observer::attach(name()).value();
  const std::vector<AgentId> agents = make_flooders(client);
  const std::uint64_t dead_before = observer.stats().messages.dead_lettered;
  std::mt19937_64 random{kills().seed};
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t memory_before = 0;
  Gaps gaps;
  const Clock::time_point began = Clock::now();
  const seconds time{kills().seconds_or(2)};
  const Clock::time_point end = began + time;
  while (Clock::now() < end) {
    for (int i = 0; i < 64; ++i) {
      const AgentId agent = agents[random() % agents.size()];
      const auto hops = static_cast<std::int64_t>(random() % (kMostHops + 1));
      ++(client.send(agent, "flood", hops) ? accepted : refused);
    }
    gaps.note(observer.stats().messages.delivered);
    if (memory_before == 0 && Clock::now() - began > kWarmUp) memory_before = memory();
  }
  const std::uint64_t memory_after = memory();
  // At rest: nothing was handled or buried between two looks, and agents answer.
  std::uint64_t dead = 0;
  Counted counted;
  EXPECT_TRUE(wait_until(kPatience,
                         [&] {
                           counted = ask(client, agents);
                           dead = observer.stats().messages.dead_lettered - dead_before;
                           return accepted + counted.sent == counted.received + dead;
                         }))
      << "lost: " << static_cast<std::int64_t>(accepted + counted.sent - counted.received - dead);
  std::printf(
      "flood: seed %llu, %llu s, messages %llu, handled %llu, dead letters %llu, refused to the "
      "client %llu, longest gap %.1f ms, memory %llu to %llu KiB\n",
      as_number(kills().seed), as_number(static_cast<std::uint64_t>(time.count())),
      as_number(accepted + counted.sent), as_number(counted.received), as_number(dead),
      as_number(refused), gaps.longest_ms(), as_number(memory_before >> 10U),
      as_number(memory_after >> 10U));
  EXPECT_LT(gaps.longest_ms(), kLongestGap.count()) << "the runtime stood still";
  EXPECT_GT(counted.received, 1000U) << "that was no flood";
  EXPECT_GT(refused, 0U) << "no ring was full";
  if (!kSanitizer) {
    EXPECT_LT(memory_after, memory_before + kMostGrowth);
  }
  EXPECT_TRUE(observer.verify().damage.empty());
}

}  // namespace
}  // namespace mabeam::tests

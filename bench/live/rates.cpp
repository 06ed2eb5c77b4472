// Rates: how fast a runtime does what it is for, one client at a time; a line "KEY VALUE" each, for
// bench/baselines.
#include "bench/live/live.hpp"
#include "bench/quantile.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <thread>

namespace mabeam::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRounds = 5;
constexpr std::size_t kLifecycles = 2'000;
constexpr std::size_t kNamed = 1'000;
constexpr std::size_t kTeam = 100;
constexpr std::size_t kEvents = 100'000;
constexpr std::chrono::microseconds kEventPeriod{100};  // 10,000 a second
constexpr std::uint64_t kLeakBytes = 48ULL << 20U;

void print(const char* key, double value) {
  std::printf("%s %.4f\n", key, value);
}

double ms_since(Clock::time_point began) {
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

double per_second(std::size_t count, Clock::time_point began) {
  return static_cast<double>(count) * 1000 / ms_since(began);
}

template <class T>
T taken(Result<T> result, const char* what) {
  if (!result) give_up(std::string{what} + ": " + describe(result.error()));
  return std::move(*result);
}

void taken(const Result<>& result, const char* what) {
  if (!result) give_up(std::string{what} + ": " + describe(result.error()));
}

/// Calls a second, with as many in flight as there is room for: every agent, kRounds times. Those
/// that are not answered do not count.
double count_actions(Client& client, const std::vector<AgentId>& agents, std::size_t& answered) {
  answered = 0;
  const auto began = Clock::now();
  for (std::size_t round = 0; round < kRounds; ++round) {
    const auto count = [&](std::size_t, Result<ClientReply>& reply) {
      answered += reply ? 1U : 0U;
    };
    taken(client.call_many(agents, "increment", {}, kPatience, count), "call_many");
  }
  return per_second(answered, began);
}

struct Actions {
  double per_second = 0;
  double answered_percent = 0;
};

Actions measure_actions(Client& client, const std::vector<AgentId>& agents) {
  std::vector<double> rates;
  std::size_t least = kRounds * agents.size();
  for (int i = 0; i < 3; ++i) {
    std::size_t answered = 0;
    rates.push_back(count_actions(client, agents, answered));
    least = std::min(least, answered);
  }
  const auto asked = static_cast<double>(kRounds * agents.size());
  return {median(rates), static_cast<double>(least) * 100 / asked};
}

void measure_lifecycles(Client& client) {
  const auto began = Clock::now();
  for (std::size_t i = 0; i < kLifecycles; ++i) {
    const AgentId agent = taken(client.create("counter", 1, {}, kPatience), "create").at(0);
    (void)taken(client.call(agent, "increment", {}, kPatience), "call");
    taken(client.stop(agent, kPatience), "stop");
  }
  print("lifecycles_per_s", per_second(kLifecycles, began));
}

// Four operations for each name: it is registered, found, described anew, and given back.
void measure_registry(Client& client) {
  std::vector<AgentId> agents;
  const auto name_of = [](std::size_t i) { return "registered-" + std::to_string(i); };
  auto began = Clock::now();
  for (std::size_t i = 0; i < kNamed; ++i) {
    agents.push_back(
        taken(client.create("counter", 1, {.name = name_of(i)}, kPatience), "create").at(0));
    (void)taken(client.find(name_of(i)), "find");
    taken(client.update_metadata(agents.back(), "{\"is\":\"measured\"}", kPatience), "update");
    if (i % 2 == 0) continue;
    taken(client.stop(agents.back(), kPatience), "stop");
    agents.pop_back();
  }
  print("registry_per_s", per_second(kNamed * 3 + kNamed / 2, began));
  std::mt19937_64 random{1};
  std::vector<double> times;
  for (std::size_t i = 0; i < 20 * kNamed; ++i) {
    const std::string name = name_of(random() % (kNamed / 2) * 2);
    began = Clock::now();
    (void)taken(client.find(name), "find");
    times.push_back(ms_since(began));
  }
  print("lookup_ms", quantile(times, 0.99));
  (void)client.stop_agents(agents, kPatience);
}

double event_p99_ms(Client& client, std::string_view topic, std::size_t count) {
  std::vector<double> times;
  auto next = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(next += kEventPeriod);
    const auto began = Clock::now();
    taken(client.emit(topic, std::int64_t{1}, kPatience), "emit");
    // Gives way, since there may be fewer cores than processes that spin.
    while (client.wait_delivered(std::chrono::nanoseconds{0}).pending != 0) {
      if (Clock::now() > began + kPatience) give_up("an event was not delivered");
      std::this_thread::yield();
    }
    times.push_back(ms_since(began));
  }
  return quantile(times, 0.99);
}

// Coordination: a word to a team on all shards, until each of them has acted on it.
void measure_events(Live& live) {
  Client client = taken(
      Client::attach(live.name(), {.wait = WaitMode::spin, .attach_timeout = kPatience}), "attach");
  const std::array<std::string_view, 1> one{"measured.one"};
  const std::array<std::string_view, 1> all{"measured.all"};
  (void)taken(client.create("counter", 1, {.subscribe = one}, kPatience), "create");
  const auto team = taken(client.create("counter", kTeam, {.subscribe = all}, kPatience), "create");
  const Symbol topic = taken(client.symbol(one[0]), "symbol");
  const auto began = Clock::now();
  for (std::size_t i = 0; i < kEvents; ++i)
    taken(client.emit(topic, std::int64_t{1}, kPatience), "emit");
  if (client.wait_delivered(kPatience).pending != 0) give_up("events were not delivered");
  print("events_per_s", per_second(kEvents, began));
  print("event_ms", event_p99_ms(client, one[0], 10'000));
  print("coordination_ms", event_p99_ms(client, all[0], 1'000));
  (void)client.stop_agents(team, kPatience);
}

// As many agents as there may be, and a worker over its soft memory limit: what there is goes on.
void measure_at_limits(Live& live, const std::vector<AgentId>& agents) {
  Client& client = live.client();
  const Actions before = measure_actions(client, agents);
  std::vector<AgentId> more;
  for (std::size_t count : {1'000U, 64U, 1U}) {
    for (;;) {
      const auto made = client.create("counter", count, {}, kPatience);
      if (!made && made.error().code != Errc::too_many_agents) {
        give_up("create: " + describe(made.error()));
      }
      if (!made) break;
      more.insert(more.end(), made->begin(), made->end());
    }
  }
  (void)taken(client.call(live.agent_on(0, "fault"), "leak", kLeakBytes, kPatience), "leak");
  await("a worker over its soft limit",
        [&] { return live.observer().limits().workers.at(0).is_closed; });
  const Actions after = measure_actions(client, agents);
  print("function_percent", after.answered_percent);
  print("speed_percent", after.per_second * 100 / before.per_second);
  (void)client.stop_agents(more, kPatience);
}

}  // namespace

void rates(Live& live, std::uint64_t count) {
  Client& client = live.client();
  const auto began = Clock::now();
  const auto agents = taken(client.create("counter", count, {}, kPatience), "create");
  print("agents_per_s", per_second(count, began));
  (void)measure_actions(client, agents);  // it warms up
  print("actions_per_s", measure_actions(client, agents).per_second);
  measure_lifecycles(client);
  measure_registry(client);
  measure_events(live);
  measure_at_limits(live, agents);
}

}  // namespace mabeam::bench

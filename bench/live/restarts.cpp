// Deaths of workers: kill -9 until it is seen, until the next one is ready, until an agent answers.
#include "bench/live/live.hpp"
#include "shm/clock.hpp"

#include <csignal>
#include <cstdio>
#include <thread>

namespace mabeam::bench {
namespace {

/// Between two kills: each hits a worker at rest.
constexpr std::chrono::milliseconds kBetweenKills{20};

}  // namespace

void restarts(Live& live, std::uint64_t kills) {
  std::vector<double> seen;
  std::vector<double> ready;
  std::vector<double> answered;
  const std::uint32_t workers = live.workers();
  for (std::uint64_t i = 0; i < kills; ++i) {
    const auto worker = static_cast<std::uint32_t>(i % workers);
    const AgentId agent = live.agent_on(worker, "counter");
    const pid_t pid = live.pid(worker);
    if (pid == 0) give_up("worker " + std::to_string(worker) + " does not run");
    std::this_thread::sleep_for(kBetweenKills);
    const std::int64_t began = shm::unix_ns();
    if (::kill(pid, SIGKILL) != 0) give_up("a worker cannot be killed");
    const auto ms = [began] { return static_cast<double>(shm::unix_ns() - began) / 1e6; };
    auto call = live.client().call_async(agent, "get", {}, {.timeout = kPatience});
    if (!call) give_up(describe(call.error()));
    await("a worker's restart", [&] { return live.is_back(worker, pid); });
    ready.push_back(ms());
    await("an answer", [&] { return call->ready(); });
    answered.push_back(ms());
    if (const auto reply = call->take(); !reply) give_up(describe(reply.error()));
    seen.push_back(static_cast<double>(live.seen_unix_ns(worker) - began) / 1e6);
  }
  std::printf("%llu agents, %llu kills\n",
              static_cast<unsigned long long>(live.observer().stats().agents.live),
              static_cast<unsigned long long>(kills));
  print_times("kill -9 of a worker until it is seen", seen);
  print_times("kill -9 of a worker until the next is ready", ready);
  print_times("kill -9 of a worker until an agent of its answers", answered);
}

}  // namespace mabeam::bench

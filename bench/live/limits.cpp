// Limits: a worker that takes too much memory, or starts too many processes, is ended alone.
#include "bench/live/live.hpp"
#include "shm/clock.hpp"

#include <cstdio>

namespace mabeam::bench {
namespace {

struct Excess {
  const char* title;
  const char* signal;
  std::uint64_t number;
  ExitCause cause;
};

constexpr Excess kLeak{"a leak of 1 GiB until its worker", "leak", 1ULL << 30U, ExitCause::memory};
constexpr Excess kBomb{"a fork bomb until its worker", "fork", 1000, ExitCause::limit};

bool answers(Live& live, std::uint32_t worker) {
  return live.client().call(live.agent_on(worker, "counter"), "get", {}, kPatience).has_value();
}

void exceed(Live& live, const Excess& excess, std::uint64_t times) {
  std::vector<double> seen;
  std::vector<double> ready;
  for (std::uint64_t i = 0; i < times; ++i) {
    const std::uint32_t worker = i % 2;
    const pid_t pid = live.pid(worker);
    const pid_t other = live.pid(1 - worker);
    const std::int64_t began = shm::unix_ns();
    const auto ms = [began] { return static_cast<double>(shm::unix_ns() - began) / 1e6; };
    const Result<> sent =
        live.client().send(live.agent_on(worker, "fault"), excess.signal, excess.number);
    if (!sent) give_up(describe(sent.error()));
    await(excess.title, [&] { return live.seen_unix_ns(worker) > began; });
    seen.push_back(static_cast<double>(live.seen_unix_ns(worker) - began) / 1e6);
    await("a worker's restart", [&] { return live.is_back(worker, pid); });
    if (!answers(live, worker)) give_up("it is not back at work");
    ready.push_back(ms());
    if (live.cause(worker) != excess.cause) {
      give_up(std::string{excess.title} + ": the cause is " +
              std::string{to_string(live.cause(worker))});
    }
    if (live.pid(1 - worker) != other || !answers(live, 1 - worker)) {
      give_up("the other worker was harmed");
    }
  }
  print_times(std::string{excess.title} + " is ended", seen);
  print_times(std::string{excess.title} + " is back at work", ready);
  std::printf("cause %s each time, the other worker unharmed\n",
              std::string{to_string(excess.cause)}.c_str());
}

bool is_group(LimitMechanism by) {
  return by == LimitMechanism::cgroup_v1 || by == LimitMechanism::cgroup_v2;
}

}  // namespace

void limits(Live& live, std::uint64_t times) {
  const LimitsView found = live.observer().limits();
  if (is_group(found.memory_mechanism)) {
    exceed(live, kLeak, times);
  } else {
    std::printf("no control group limits memory here: 'mabeam doctor' says why\n");
  }
  if (is_group(found.process_mechanism)) {
    exceed(live, kBomb, times);
  } else {
    std::printf("no control group limits processes here: 'mabeam doctor' says why\n");
  }
}

}  // namespace mabeam::bench

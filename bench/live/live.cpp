#include "bench/live/live.hpp"

#include "bench/quantile.hpp"
#include "shm/process.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace mabeam::bench {
namespace {

template <class T>
T taken(Result<T> result, std::string_view what) {
  if (!result) give_up(std::string{what} + ": " + describe(result.error()));
  return std::move(*result);
}

}  // namespace

void give_up(std::string_view why) {
  std::fprintf(stderr, "live: %.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): whoever still runs ends with it
}

Live::Live(const std::string& name)
    : name_(name),
      segment_(taken(shm::Segment::attach(name, shm::Access::read_write), name)),
      observer_(taken(Observer::attach(name), name)),
      client_(taken(Client::attach(name, {.attach_timeout = kPatience}), name)) {
}

std::uint32_t Live::workers() const {
  return static_cast<std::uint32_t>(observer_.runtime().workers.size());
}

pid_t Live::pid(std::uint32_t worker) const {
  const shm::ProcessId process{segment_.worker(worker).process.load()};
  return shm::is_alive(process) ? static_cast<pid_t>(process.pid()) : 0;
}

bool Live::is_back(std::uint32_t worker, pid_t old) const {
  const shm::WorkerSlot& slot = segment_.worker(worker);
  const shm::ProcessId process{slot.process.load()};
  return static_cast<WorkerState>(slot.supervised_state.load()) == WorkerState::ready &&
         static_cast<pid_t>(process.pid()) != old;
}

std::int64_t Live::seen_unix_ns(std::uint32_t worker) const {
  return segment_.worker(worker).exit_time_unix_ns.load();
}

ExitCause Live::cause(std::uint32_t worker) const {
  return static_cast<ExitCause>(segment_.worker(worker).exit_cause.load());
}

std::uint64_t Live::restarts() const {
  std::uint64_t sum = 0;
  for (std::uint32_t worker = 0; worker < workers(); ++worker)
    sum += segment_.worker(worker).restarts.load();
  return sum;
}

AgentId Live::agent_on(std::uint32_t worker, std::string_view type) const {
  for (const AgentView& agent : observer_.agents({.type = std::string{type}}).agents) {
    if (agent.worker == worker) return agent.id;
  }
  give_up("there is no agent of type " + std::string{type} + " on worker " +
          std::to_string(worker));
}

void await(std::string_view what, const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) give_up(std::string{what} + ": not within 30 s");
    std::this_thread::sleep_for(std::chrono::microseconds{20});
  }
}

void print_times(std::string_view title, const std::vector<double>& ms) {
  std::printf("%-56.*s", static_cast<int>(title.size()), title.data());
  if (ms.empty()) {
    std::printf(" none\n");
    return;
  }
  std::printf(" p50 %8.2f, p99 %8.2f, longest %8.2f ms (%zu)\n", median(ms), quantile(ms, 0.99),
              *std::max_element(ms.begin(), ms.end()), ms.size());
}

}  // namespace mabeam::bench

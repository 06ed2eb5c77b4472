// Moves and takeovers: how long a shard stands still when it moves under load, and how long all of
// them do when the supervisor is killed and another one takes over.
#include "bench/live/flow.hpp"
#include "bench/live/live.hpp"
#include "shm/control.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::bench {
namespace {

/// Between two blows: the flow is steady again.
constexpr std::chrono::milliseconds kBetweenMoves{100};

std::vector<AgentId> counters(Live& live) {
  std::vector<AgentId> found;
  for (const AgentView& agent : live.observer().agents({.type = "counter"}).agents)
    found.push_back(agent.id);
  return found;
}

std::uint64_t owner(const Live& live, std::uint32_t shard) {
  return live.segment().endpoint(shm::Segment::endpoint_of_shard(shard)).owner.load();
}

bool is_in_place(const Live& live, std::uint32_t shard, std::uint32_t workers) {
  const auto& slot = live.segment().endpoint(shm::Segment::endpoint_of_shard(shard));
  const shm::Incarnation now{slot.owner.load()};
  const std::uint64_t placed = slot.placement.load();
  return placed <= workers && now && now.worker() + 1 == placed;
}

bool are_even(const Live& live, std::uint32_t shards, std::uint32_t workers) {
  std::vector<std::uint32_t> count(workers);
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    if (!is_in_place(live, shard, workers)) return false;
    ++count[shm::Incarnation{owner(live, shard)}.worker()];
  }
  const auto [least, most] = std::minmax_element(count.begin(), count.end());
  return *most - *least <= 1;
}

void scale(Live& live, std::uint32_t workers) {
  const auto answer =
      shm::ask_supervisor(live.segment(), shm::ControlCommand::scale, workers, {}, kPatience);
  if (!answer) give_up("scale: " + describe(answer.error()));
  if (answer->verdict != shm::ControlVerdict::done) give_up("scale: the supervisor said no");
}

pid_t start_supervisor(const Live& live) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets them
  const char* const program = std::getenv("MABEAM_SUPERVISOR");
  const char* const config = std::getenv("MABEAM_CONFIG");  // NOLINT(concurrency-mt-unsafe)
  if (program == nullptr || config == nullptr) give_up("MABEAM_SUPERVISOR, MABEAM_CONFIG: not set");
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(program, program, "--config", config, "--name", live.name().c_str(), nullptr);
    ::_exit(127);
  }
  return child;
}

pid_t supervisor(const Live& live) {
  return static_cast<pid_t>(shm::ProcessId{live.segment().header().supervisor.load()}.pid());
}

}  // namespace

void moves(Live& live, std::uint64_t count) {
  const std::uint32_t shards = live.segment().dimensions().shards;
  const std::uint32_t workers = live.workers();
  Flow flow{live.name(), shards, counters(live)};
  std::vector<double> moved;
  std::vector<double> stayed;
  for (std::uint32_t wanted = 1; moved.size() < count; wanted = wanted == 1 ? workers : 1) {
    std::this_thread::sleep_for(kBetweenMoves);
    std::vector<std::uint64_t> before;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      before.push_back(owner(live, shard));
      (void)flow.take_longest_ms(shard);
    }
    scale(live, wanted);
    await("the shards' move", [&] { return are_even(live, shards, wanted); });
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      flow.await_answer(shard);
      (owner(live, shard) == before[shard] ? stayed : moved).push_back(flow.take_longest_ms(shard));
    }
  }
  print_times("pause of a shard that moves under load", moved);
  print_times("the longest gap of one that stays, meanwhile", stayed);
  flow.finish();
}

// The first supervisor is a child of somebody else, who waits for it.
void takeovers(Live& live, std::uint64_t count) {
  const std::uint32_t shards = live.segment().dimensions().shards;
  const std::uint64_t restarts = live.restarts();
  Flow flow{live.name(), shards, counters(live)};
  std::vector<double> gaps;
  std::vector<double> quiet;
  std::vector<double> adopted;
  const auto take_longest = [&] {
    double longest = 0;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      flow.await_answer(shard);
      longest = std::max(longest, flow.take_longest_ms(shard));
    }
    return longest;
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_for(kBetweenMoves);
    (void)take_longest();
    std::this_thread::sleep_for(kBetweenMoves);
    quiet.push_back(take_longest());
    const pid_t old = supervisor(live);
    const auto began = std::chrono::steady_clock::now();
    if (old <= 0 || ::kill(old, SIGKILL) != 0) give_up("the supervisor cannot be killed");
    const pid_t next = start_supervisor(live);
    await("a supervisor's takeover", [&] { return supervisor(live) == next; });
    adopted.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
            .count());
    ::waitpid(old, nullptr, WNOHANG);
    std::this_thread::sleep_for(kBetweenMoves);
    gaps.push_back(take_longest());
  }
  print_times("kill -9 of the supervisor until the next has taken over", adopted);
  print_times("the longest gap in the flow meanwhile", gaps);
  print_times("the longest gap in as long a time without", quiet);
  std::printf("workers restarted: %llu\n",
              static_cast<unsigned long long>(live.restarts() - restarts));
  flow.finish();
}

}  // namespace mabeam::bench

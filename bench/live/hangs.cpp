// Hangs: how soon a handler that never returns is ended, and whether a busy machine is taken for
// it.
#include "bench/live/live.hpp"
#include "shm/clock.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::uint32_t kHangs = 5;
constexpr int kBusyLoops = 8;

std::vector<pid_t> start_busy_loops() {
  std::vector<pid_t> loops;
  for (int i = 0; i < kBusyLoops; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (std::atomic<bool> is_busy = true; is_busy;) {
      }
    }
    if (child > 0) loops.push_back(child);
  }
  return loops;
}

}  // namespace

void hangs(Live& live, std::uint64_t seconds) {
  std::vector<double> ended;
  for (std::uint32_t i = 0; i < kHangs; ++i) {
    const std::uint32_t worker = i % live.workers();
    const pid_t pid = live.pid(worker);
    const std::int64_t began = shm::unix_ns();
    const Result<> sent = live.client().send(live.agent_on(worker, "fault"), "hang");
    if (!sent) give_up(describe(sent.error()));
    await("the end of a worker that hangs", [&] { return live.seen_unix_ns(worker) > began; });
    if (live.cause(worker) != ExitCause::hang) give_up("a worker died of something else");
    ended.push_back(static_cast<double>(live.seen_unix_ns(worker) - began) / 1e6);
    await("a worker's restart", [&] { return live.is_back(worker, pid); });
  }
  print_times("a handler hangs until its worker is ended", ended);
  const std::uint64_t before = live.restarts();
  const std::vector<pid_t> loops = start_busy_loops();
  std::this_thread::sleep_for(std::chrono::seconds{seconds});
  const std::uint64_t false_kills = live.restarts() - before;
  for (const pid_t loop : loops) {
    ::kill(loop, SIGKILL);
    ::waitpid(loop, nullptr, 0);
  }
  std::printf("%d busy loops beside it for %llu s: %llu workers killed\n", kBusyLoops,
              static_cast<unsigned long long>(seconds),
              static_cast<unsigned long long>(false_kills));
  if (false_kills != 0) give_up("a worker that does not hang was killed");
}

}  // namespace mabeam::bench

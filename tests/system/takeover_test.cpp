// Deaths: of workers, of the supervisor, of both.
#include "shm/process.hpp"
#include "shm/segment.hpp"
#include "tests/support/runtime_fixture.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string_view>

namespace mabeam::tests {
namespace {

constexpr const char* kTwoToTakeOver = "[runtime]\nworkers = 2\n";

class TakeoverTest : public RuntimeFixture {
 protected:
  void SetUp() override { configure(kTwoToTakeOver); }

  [[nodiscard]] std::vector<pid_t> workers() const { return {ready_worker(0), ready_worker(1)}; }
};

/// Its log says so, now or soon.
bool says(const Program& supervisor, std::string_view text) {
  return wait_until(kPatience, [&] { return supervisor.err().find(text) != std::string::npos; });
}

bool is_alive(pid_t pid) {
  return shm::process_of(pid).has_value();
}

TEST_F(TakeoverTest, KilledWorkerIsReplacedByTheNextIncarnation) {
  start_ready();
  const pid_t old = ready_worker(0);
  const pid_t other = ready_worker(1);
  ASSERT_EQ(::kill(old, SIGKILL), 0);
  ASSERT_TRUE(wait_workers_ready({old}));
  const WorkerView worker = view()->workers[0];
  EXPECT_EQ(worker.restarts, 1U);
  EXPECT_EQ(worker.last_exit->cause, ExitCause::signal);
  EXPECT_EQ(worker.last_exit->signal, SIGKILL);
  EXPECT_EQ(ready_worker(1), other);
}

TEST_F(TakeoverTest, HungWorkerIsAbortedAndReplaced) {
  configure("[runtime]\nworkers = 2\n[worker]\nheartbeat_timeout = \"1s\"\n");
  start_ready();
  const pid_t old = ready_worker(0);
  ASSERT_EQ(::kill(old, SIGSTOP), 0);
  ASSERT_TRUE(wait_workers_ready({old}));
  EXPECT_EQ(view()->workers[0].last_exit->cause, ExitCause::hang);
}

TEST_F(TakeoverTest, NewSupervisorAdoptsTheWorkersOfAKilledOne) {
  start_ready().kill();
  const std::vector<pid_t> before = workers();
  EXPECT_EQ(processes().size(), 2U);
  Program& next = start_ready();
  EXPECT_TRUE(wait_workers_ready());
  EXPECT_EQ(workers(), before);
  EXPECT_TRUE(says(next, "worker adopted"));
}

TEST_F(TakeoverTest, AdoptedWorkerThatDiesIsReplaced) {
  start_ready().kill();
  start_ready();
  ASSERT_TRUE(wait_workers_ready());
  const pid_t old = ready_worker(1);
  ASSERT_EQ(::kill(old, SIGKILL), 0);
  ASSERT_TRUE(wait_workers_ready({old}));
  EXPECT_EQ(view()->workers[1].last_exit->cause, ExitCause::unknown);
}

TEST_F(TakeoverTest, WorkersThatDiedMeanwhileAreStartedAgain) {
  start_ready();
  const pid_t dead = ready_worker(0);
  const pid_t living = ready_worker(1);
  supervisor().kill();
  ASSERT_EQ(::kill(dead, SIGKILL), 0);
  ASSERT_TRUE(wait_until(kPatience, [&] { return !is_alive(dead); }));
  start_ready();
  ASSERT_TRUE(wait_workers_ready({dead}));
  EXPECT_EQ(ready_worker(1), living);
  const auto seen = view();
  ASSERT_TRUE(seen->workers[0].last_exit) << "nobody saw it, and it is told all the same";
  EXPECT_EQ(seen->workers[0].last_exit->cause, ExitCause::unknown);
  EXPECT_FALSE(seen->workers[1].last_exit);
}

TEST_F(TakeoverTest, SegmentIsRecoveredWhenEverybodyWasKilled) {
  start_ready();
  const std::vector<pid_t> dead = workers();
  supervisor().kill();
  for (const pid_t pid : dead)
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(wait_until(kPatience, [&] { return processes().empty(); }));
  Program& next = start_ready();
  EXPECT_TRUE(wait_workers_ready(dead));
  EXPECT_TRUE(says(next, "segment taken over"));
}

TEST_F(TakeoverTest, AsManyWorkersAreRunAsWereLastUnlessTheConfigurationIsAnother) {
  start_ready();
  ASSERT_EQ(mabeam({"scale", "--workers", "1"}).exit, 0);
  const auto runs = [&](std::size_t count) {
    return wait_until(kPatience, [&] { return processes().size() == 1 + count; });
  };
  ASSERT_TRUE(runs(1));
  const auto kill_all = [&] {
    const std::vector<pid_t> all = processes();
    for (const pid_t pid : all)
      ::kill(pid, SIGKILL);
    supervisor().kill();
    return wait_until(kPatience, [&] { return processes().empty(); });
  };
  ASSERT_TRUE(kill_all());
  EXPECT_TRUE(says(start_ready(), "the number of workers stays"));
  EXPECT_TRUE(runs(1));
  ASSERT_TRUE(kill_all());
  configure(std::string{kTwoToTakeOver} + "[worker]\nturn_messages = 7\n");
  start_ready();
  EXPECT_TRUE(runs(2));
}

TEST_F(TakeoverTest, WorkerThatWasToLeaveLeavesUnderTheNextSupervisorToo) {
  start_ready();
  const pid_t slow = ready_worker(1);
  ASSERT_EQ(::kill(slow, SIGSTOP), 0);
  Program scale{program("mabeam"), {"scale", "--workers", "1", "--name", name()}, folder()};
  const auto segment = shm::Segment::attach(name(), shm::Access::read_only);
  ASSERT_TRUE(segment);
  ASSERT_TRUE(wait_until(kPatience, [&] { return segment->header().workers.load() == 1; }));
  supervisor().kill();
  start_ready();
  EXPECT_TRUE(is_alive(slow));
  ASSERT_EQ(::kill(slow, SIGCONT), 0);
  EXPECT_TRUE(wait_until(kPatience, [&] { return !is_alive(slow) && processes().size() == 2; }));
  EXPECT_EQ(segment->header().workers.load(), 1U);
}

TEST_F(TakeoverTest, OtherLayoutKeysAreRefusedByName) {
  start_ready();
  const std::vector<pid_t> before = workers();
  supervisor().kill();
  configure("[runtime]\nworkers = 2\nclients = 3\nshards = 9\n");
  EXPECT_EQ(run(), 78);
  EXPECT_TRUE(says(supervisor(), "runtime.clients = 3 (the segment has 8)"));
  EXPECT_TRUE(says(supervisor(), "runtime.shards = 9 (the segment has 4)"));
  configure(kTwoToTakeOver);
  start_ready();
  EXPECT_EQ(workers(), before);
}

TEST_F(TakeoverTest, DiscardKillsTheWorkersOfTheOldSegment) {
  start_ready();
  const std::vector<pid_t> before = workers();
  supervisor().kill();
  Program& next = start_ready({"--discard"});
  EXPECT_TRUE(wait_workers_ready(before));
  EXPECT_TRUE(says(next, "segment created"));
  for (const pid_t pid : before)
    EXPECT_FALSE(is_alive(pid));
}

// Pitfall 6.1: the child of a dead supervisor that has not claimed its slot yet.
TEST_F(TakeoverTest, ChildOfAnOlderIncarnationCannotClaim) {
  start_ready();
  const auto segment = shm::Segment::attach(name(), shm::Access::read_only);
  const auto claim = shm::Claim::unpack(segment->worker(0).claim.load());
  Program late(
      program("mabeam-worker"),
      {"--name", name(), "--worker", "0", "--incarnation", std::to_string(claim.incarnation)},
      folder());
  EXPECT_EQ(late.wait(), 0);
  EXPECT_EQ(segment->worker(0).claim.load(), claim.pack());
  EXPECT_TRUE(wait_workers_ready());
}

TEST_F(TakeoverTest, OrphansLeaveWhenNobodyComes) {
  configure("[runtime]\nworkers = 2\norphan_grace = \"10ms\"\n");
  start_ready().kill();
  EXPECT_TRUE(wait_until(kPatience, [this] { return processes().empty(); }));
  start_ready();
  EXPECT_TRUE(wait_workers_ready());
}

TEST_F(TakeoverTest, ProcessGroupOfADeadWorkerDiesWithIt) {
  // The script is the leader of its group; its child sleeps on, with the runtime's name.
  const std::string worker = program("mabeam-worker").string();
  const auto script =
      write_script("worker", "sh -c 'sleep 600; :' --name \"$2\" &\nexec " + worker + " \"$@\"\n");
  configure("[runtime]\nworkers = 1\n[worker]\nexecutable = \"" + script.string() + "\"\n");
  start_ready();
  // A child that has been forked, and is not its own program yet, still has its parent's name.
  ASSERT_TRUE(wait_until(kPatience, [this] { return processes().size() == 3; }));
  const pid_t old = ready_worker(0);
  ASSERT_EQ(::kill(old, SIGKILL), 0);
  ASSERT_TRUE(wait_workers_ready({old}));
  EXPECT_TRUE(wait_until(kPatience, [this] { return processes().size() == 3; }));
}

}  // namespace
}  // namespace mabeam::tests

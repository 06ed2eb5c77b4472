#include "supervisor/spawn.hpp"

#include "shm/hierarchies.hpp"
#include "supervisor/limits/group_folders.hpp"
#include "supervisor/pidfd.hpp"
#include "tests/supervisor/fake_groups.hpp"
#include "tests/support/wait_until.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

using tests::wait_until;
using namespace std::chrono_literals;

SpawnOptions shell(const std::string& script) {
  return {.executable = "/bin/sh", .arguments = {"-c", script}};
}

/// The child's exit status once it is gone.
int exit_status(const Child& child) {
  EXPECT_TRUE(wait_until(20s, [&] { return is_gone(child.pidfd); }));
  int status = 0;
  EXPECT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run(const SpawnOptions& options) {
  const Result<Child> child = spawn(options);
  EXPECT_TRUE(child);
  return exit_status(*child);
}

TEST(Spawn, RunsTheProgramWithItsArguments) {
  EXPECT_EQ(run({.executable = "/bin/sh", .arguments = {"-c", "exit $1", "sh", "7"}}), 7);
}

TEST(Spawn, ProgramThatRanReportsNothing) {
  const Result<Child> child = spawn(shell("exit 127"));
  EXPECT_EQ(exit_status(*child), 127);
  EXPECT_FALSE(read_report(child->report));
}

TEST(Spawn, MissingProgramIsReportedWithItsPath) {
  const SpawnOptions options{.executable = "/nowhere/worker"};
  const Result<Child> child = spawn(options);
  EXPECT_EQ(exit_status(*child), 127);
  const auto failure = read_report(child->report);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->os, ENOENT);
  EXPECT_EQ(describe(*failure, options), "cannot run /nowhere/worker: No such file or directory");
}

TEST(Spawn, CpuThatIsNotThereIsReported) {
  SpawnOptions options = shell("exit 0");
  options.cpus = {1023};
  const Result<Child> child = spawn(options);
  EXPECT_EQ(exit_status(*child), 127);
  const auto failure = read_report(child->report);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->step, SpawnStep::set_cpus);
}

TEST(Spawn, NiceAndCpusAreApplied) {
  SpawnOptions options = shell("test $(nice) = 5 && taskset -p $$ | grep -q ': 1$'");
  options.nice = 5;
  options.cpus = {0};
  EXPECT_EQ(run(options), 0);
}

TEST(Spawn, ChildLeadsASessionOfItsOwn) {
  const Result<Child> child = spawn(shell("sleep 60 & wait"));
  EXPECT_TRUE(wait_until(20s, [&] { return ::getsid(child->pid) == child->pid; }));
  EXPECT_EQ(::getpgid(child->pid), child->pid);
  ::kill(-child->pid, SIGKILL);
  EXPECT_EQ(exit_status(*child), 128 + SIGKILL);
}

TEST(Spawn, ChildHasNoDescriptorOfOurs) {
  const Descriptor ours{::open("/dev/null", O_RDONLY)};  // not close-on-exec, on purpose
  ASSERT_TRUE(ours);
  EXPECT_EQ(run(shell("test ! -e /proc/$$/fd/" + std::to_string(ours.get()))), 0);
}

TEST(Spawn, ChildReadsNothingFromUs) {
  EXPECT_EQ(run(shell("test $(readlink /proc/$$/fd/0) = /dev/null")), 0);
}

TEST(Spawn, ChildBlocksAndIgnoresNoSignal) {
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, nullptr);
  const auto old = std::signal(SIGPIPE, SIG_IGN);
  // exec: a shell that waits for a child may block signals of its own.
  EXPECT_EQ(run(shell("exec grep -qz 'SigBlk:.0000000000000000.SigIgn:.0000000000000000' "
                      "/proc/self/status")),
            0);
  std::signal(SIGPIPE, old);
  ::sigprocmask(SIG_UNBLOCK, &term, nullptr);
}

TEST(Spawn, ChildIsInItsGroupsBeforeItRuns) {
  const tests::FakeGroups fake;
  const std::string group = fake.add("g", {{"cgroup.procs", ""}});
  SpawnOptions options = shell("exit 0");
  options.groups = {group + "/cgroup.procs"};
  EXPECT_EQ(run(options), 0);
  EXPECT_EQ(fake.read("g/cgroup.procs"), "0");
  options.groups = {fake.path() + "/none"};
  EXPECT_EQ(spawn(options).error().os, ENOENT);
}

TEST(Spawn, ChildIsBornInARealGroup) {
  const std::string own = shm::hierarchies_of(0).unified;
  const std::string group = own + "/mabeam-t-" + std::to_string(::getpid());
  if (own.empty() || make_group(group) != 0) GTEST_SKIP() << "no control groups of version 2";
  SpawnOptions options = shell("exec grep -q '^0::.*/mabeam-t-' /proc/self/cgroup");
  options.groups = {group + "/cgroup.procs"};
  EXPECT_EQ(run(options), 0);
  EXPECT_EQ(remove_group(group), 0);
}

TEST(Spawn, GroupThatRefusesItIsReported) {
  SpawnOptions options = shell("exit 0");
  options.groups = {"/dev/full"};
  const Result<Child> child = spawn(options);
  EXPECT_EQ(exit_status(*child), 127);
  const auto failure = read_report(child->report);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->step, SpawnStep::join_group);
  EXPECT_NE(describe(*failure, options).find("limits.mechanism"), std::string::npos);
}

TEST(Spawn, EnvironmentIsOursAndMore) {
  ::setenv("MABEAM_TEST_OLD", "old", 1);
  ::setenv("MABEAM_TEST_KEPT", "kept", 1);
  SpawnOptions options =
      shell("test $MABEAM_TEST_OLD$MABEAM_TEST_KEPT$MABEAM_TEST_NEW = newkeptmore");
  options.environment = {"MABEAM_TEST_OLD=new", "MABEAM_TEST_NEW=more"};
  EXPECT_EQ(run(options), 0);
}

TEST(Spawn, LimitsHoldAndNoPrivilegeIsGained) {
  SpawnOptions options =
      shell("test $(ulimit -Sn) = 77 && grep -q 'NoNewPrivs:.1' /proc/self/status");
  options.limits = {{RLIMIT_NOFILE, 77}};
  EXPECT_EQ(run(options), 0);
}

TEST(OpenProcess, TellsAReusedNumberFromTheProcess) {
  const auto self = shm::ProcessId::of(static_cast<std::uint32_t>(::getpid()), 1);
  const Result<Descriptor> opened = open_process(self);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::not_found);
}

TEST(OpenProcess, RefusesNumbersThatNoProcessCanHave) {
  for (const std::uint32_t pid : {0U, 0xFFFFFFU}) {
    const Result<Descriptor> opened = open_process(shm::ProcessId::of(pid, 1));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::not_found);
  }
}

}  // namespace
}  // namespace mabeam::supervisor

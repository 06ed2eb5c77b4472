// Control groups, version 2 and 1, by what is written into the files of a fake tree.
#include "supervisor/limits/groups.hpp"

#include "supervisor/limits/group_folders.hpp"
#include "tests/supervisor/fake_groups.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

using tests::FakeGroups;
using Files = std::map<std::string, std::string>;

/// What a group of version 2 has with the controllers memory and pids. A file that is written to is
/// empty, since a fake one keeps what was behind.
const Files kVersion2{{"cgroup.subtree_control", "memory pids\n"},
                      {"cgroup.procs", ""},
                      {"cgroup.kill", ""},
                      {"memory.max", ""},
                      {"memory.swap.max", ""},
                      {"memory.oom.group", ""},
                      {"memory.current", "9000\n"},
                      {"memory.stat", "anon 6000\ninactive_file 1000\nactive_file 500\n"},
                      {"memory.events", "low 0\nmax 8\noom 2\noom_kill 3\noom_group_kill 1\n"},
                      {"pids.max", ""},
                      {"pids.current", "3\n"},
                      {"pids.events", "max 4\n"}};
const Files kMemory1{{"cgroup.procs", ""},
                     {"tasks", ""},
                     {"memory.limit_in_bytes", ""},
                     {"memory.memsw.limit_in_bytes", ""},
                     {"memory.usage_in_bytes", "9000\n"},
                     {"memory.stat", "total_inactive_file 1000\ntotal_active_file 2000\n"},
                     {"memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"}};
const Files kPids1{{"cgroup.procs", ""},
                   {"tasks", ""},
                   {"pids.max", ""},
                   {"pids.current", "3\n"},
                   {"pids.events", "max 4\n"}};
constexpr std::uint64_t kMiB = 1U << 20U;

/// A machine with the second version alone.
class GroupsV2 : public ::testing::Test {
 protected:
  GroupsV2() {
    for (const char* group : {"own", "own/mabeam-r", "own/mabeam-r/worker-1"})
      fake_.add(group, kVersion2);
  }

  [[nodiscard]] Groups open() const {
    return Groups::open({.unified = fake_.path() + "/own"}, "r");
  }

  [[nodiscard]] std::string worker(const std::string& file) const {
    return fake_.read("own/mabeam-r/worker-1/" + file);
  }

  FakeGroups fake_;
};

TEST_F(GroupsV2, OneFolderDoesEverything) {
  const Groups groups = open();
  EXPECT_EQ(groups.memory_mechanism(), LimitMechanism::cgroup_v2);
  EXPECT_EQ(groups.process_mechanism(), LimitMechanism::cgroup_v2);
  EXPECT_EQ(groups.doors(1),
            (std::vector<std::string>{fake_.path() + "/own/mabeam-r/worker-1/cgroup.procs"}));
}

TEST_F(GroupsV2, LimitsAreWrittenAsTheKernelWantsThem) {
  Groups groups = open();
  ASSERT_TRUE(groups.renew(1));
  EXPECT_EQ(groups.limit_memory(1, 64 * kMiB), 0);
  EXPECT_EQ(groups.limit_processes(1, 64), 0);
  EXPECT_EQ(groups.limit_runtime_memory(128 * kMiB), 0);
  EXPECT_EQ(worker("memory.max"), "67108864");
  EXPECT_EQ(worker("memory.swap.max"), "0") << "swap is no way round";
  EXPECT_EQ(worker("memory.oom.group"), "1") << "a worker dies with what it has started";
  EXPECT_EQ(worker("pids.max"), "64");
  EXPECT_EQ(fake_.read("own/mabeam-r/memory.max"), "134217728");
  EXPECT_EQ(fake_.read("own/mabeam-r/memory.oom.group"), "") << "all workers do not";
}

TEST_F(GroupsV2, NoLimitIsMax) {
  const Groups groups = open();
  EXPECT_EQ(groups.limit_memory(1, 0), 0);
  EXPECT_EQ(groups.limit_processes(1, 0), 0);
  EXPECT_EQ(worker("memory.max"), "max");
  EXPECT_EQ(worker("pids.max"), "max");
}

TEST_F(GroupsV2, PagesOfFilesAreNotUse) {
  EXPECT_EQ(open().memory_used(1), 9000U - 1500U);
}

TEST_F(GroupsV2, CountsBeginAnewWithEachIncarnation) {
  Groups groups = open();
  EXPECT_EQ(groups.memory_kills(1), 3U);
  EXPECT_EQ(groups.refused_processes(1), 4U);
  ASSERT_TRUE(groups.renew(1));  // a fake group cannot be removed: it keeps its counts
  EXPECT_EQ(groups.memory_kills(1), 0U);
  EXPECT_EQ(groups.refused_processes(1), 0U);
}

TEST_F(GroupsV2, OneOfAWorkerThatIsGoneIsRemoved) {
  Groups groups = open();
  fake_.add("own/mabeam-r/worker-2", {});
  EXPECT_TRUE(groups.discard(2));
  EXPECT_FALSE(std::filesystem::exists(fake_.path() + "/own/mabeam-r/worker-2"));
  EXPECT_FALSE(groups.discard(2)) << "there is none any more";
  EXPECT_FALSE(groups.discard(3)) << "nor ever was";
}

TEST_F(GroupsV2, AllDieByOneWrite) {
  open().kill(1);
  EXPECT_EQ(worker("cgroup.kill"), "1");
}

TEST_F(GroupsV2, FilesOfNonsenseCountNothing) {
  for (const char* text : {"", "max\n", "9000", "-1\n", "oom_kill -1\n", "garbage garbage\n"}) {
    for (const char* file : {"memory.stat", "memory.events", "pids.events", "pids.current"}) {
      fake_.add("own/mabeam-r/worker-1", {{file, text}});
    }
    const Groups groups = open();
    EXPECT_EQ(groups.memory_used(1), 9000U) << text;
    EXPECT_EQ(groups.memory_kills(1), 0U) << text;
    EXPECT_EQ(groups.refused_processes(1), 0U) << text;
  }
  fake_.add("own/mabeam-r/worker-1", {{"memory.current", "much\n"}});
  EXPECT_FALSE(open().memory_used(1));
}

TEST_F(GroupsV2, AdoptedWorkerStaysWhereItIs) {
  fake_.add("other/mabeam-r/worker-1", kVersion2);
  Groups groups = open();
  const std::string its = fake_.path() + "/other/mabeam-r/worker-1";
  groups.adopt(1, 4711, {.unified = its});
  EXPECT_EQ(groups.limit_memory(1, kMiB), 0);
  EXPECT_EQ(fake_.read("other/mabeam-r/worker-1/memory.max"), "1048576");
  EXPECT_EQ(worker("memory.max"), "");
  EXPECT_EQ(groups.memory_kills(1), 3U) << "its counts are its own";
  EXPECT_EQ(groups.refused_processes(1), 4U) << "a fork bomb is one under the next supervisor, too";
}

TEST_F(GroupsV2, AdoptedWorkerOfNoGroupIsPutIntoOne) {
  Groups groups = open();
  groups.adopt(1, 4711, {.unified = fake_.path() + "/own/mabeam-s/worker-1"});
  EXPECT_EQ(worker("cgroup.procs"), "4711");
}

TEST(Groups, ControllersThatAreNotDelegatedAreNotUsed) {
  const FakeGroups fake;
  Files bare{{"cgroup.procs", ""}, {"cgroup.kill", ""}};  // as in a unified tree beside older ones
  for (const char* group : {"own", "own/mabeam-r", "own/mabeam-r/worker-1"})
    fake.add(group, bare);
  const Groups groups = Groups::open({.unified = fake.path() + "/own"}, "r");
  EXPECT_EQ(groups.memory_mechanism(), LimitMechanism::none);
  EXPECT_EQ(groups.process_mechanism(), LimitMechanism::none);
  groups.kill(1);
  EXPECT_EQ(fake.read("own/mabeam-r/worker-1/cgroup.kill"), "1") << "but it can kill";
}

TEST(Groups, WithoutAnyNothingIsDone) {
  Groups groups = Groups::open({}, "r");
  EXPECT_EQ(groups.memory_mechanism(), LimitMechanism::none);
  EXPECT_TRUE(groups.renew(1));
  EXPECT_TRUE(groups.doors(1).empty());
  EXPECT_FALSE(groups.memory_used(1));
  EXPECT_FALSE(groups.processes(1));
  EXPECT_TRUE(groups.is_empty(1));
  groups.kill(1);
  groups.remove();
}

/// A machine with a tree for each controller.
class GroupsV1 : public ::testing::Test {
 protected:
  GroupsV1() {
    for (const char* group : {"memory/mabeam-r", "memory/mabeam-r/worker-1"})
      fake_.add(group, kMemory1);
    for (const char* group : {"pids/mabeam-r", "pids/mabeam-r/worker-1"})
      fake_.add(group, kPids1);
  }

  [[nodiscard]] Groups open() const {
    return Groups::open({fake_.path() + "/memory", fake_.path() + "/pids", {}}, "r");
  }

  [[nodiscard]] std::string worker(const std::string& tree, const std::string& file) const {
    return fake_.read(tree + "/mabeam-r/worker-1/" + file);
  }

  FakeGroups fake_;
};

TEST_F(GroupsV1, EachTreeDoesItsPart) {
  Groups groups = open();
  EXPECT_EQ(groups.memory_mechanism(), LimitMechanism::cgroup_v1);
  EXPECT_EQ(groups.process_mechanism(), LimitMechanism::cgroup_v1);
  EXPECT_EQ(groups.doors(1),
            (std::vector<std::string>{fake_.path() + "/memory/mabeam-r/worker-1/tasks",
                                      fake_.path() + "/pids/mabeam-r/worker-1/tasks"}))
      << "through the other door it takes ten milliseconds";
  EXPECT_EQ(groups.limit_memory(1, 64 * kMiB), 0);
  EXPECT_EQ(groups.limit_processes(1, 64), 0);
  EXPECT_EQ(worker("memory", "memory.limit_in_bytes"), "67108864");
  EXPECT_EQ(worker("memory", "memory.memsw.limit_in_bytes"), "67108864");
  EXPECT_EQ(worker("pids", "pids.max"), "64");
}

TEST_F(GroupsV1, NoLimitIsMinusOne) {
  EXPECT_EQ(open().limit_memory(1, 0), 0);
  EXPECT_EQ(worker("memory", "memory.limit_in_bytes"), "-1");
}

TEST_F(GroupsV1, UseAndKillsAreReadFromTheOlderFiles) {
  const Groups groups = open();
  EXPECT_EQ(groups.memory_used(1), 6000U);
  EXPECT_EQ(groups.memory_kills(1), 3U);
  EXPECT_EQ(groups.processes(1), 3U);
  EXPECT_EQ(groups.refused_processes(1), 4U);
}

TEST_F(GroupsV1, WithoutSwapAccountingTheLimitHoldsAllTheSame) {
  std::filesystem::remove(fake_.path() + "/memory/mabeam-r/worker-1/memory.memsw.limit_in_bytes");
  EXPECT_EQ(open().limit_memory(1, 64 * kMiB), 0);
  EXPECT_EQ(worker("memory", "memory.limit_in_bytes"), "67108864");
}

TEST_F(GroupsV1, EachDiesAndNoneIsForkedMeanwhile) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;)
      ::pause();
  }
  const Files member{{"cgroup.procs", std::to_string(child) + "\n"}};
  fake_.add("pids/mabeam-r/worker-1", member);
  open().kill(1);
  EXPECT_EQ(worker("pids", "pids.max"), "0");
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(GroupsV1, GroupThatDoesNotDieIsNotUsedAgain) {
  // A process that is there for good: nothing can kill it here, since its number is our own.
  fake_.add("memory/mabeam-r/worker-1", {{"cgroup.procs", std::to_string(::getpid()) + "\n"}});
  Groups groups = open();
  EXPECT_EQ(groups.renew(1).error().code, Errc::in_use);
  EXPECT_FALSE(groups.is_empty(1));
}

}  // namespace
}  // namespace mabeam::supervisor

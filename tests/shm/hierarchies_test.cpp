#include "shm/hierarchies.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mabeam::shm {
namespace {

constexpr std::string_view kUnified =
    "25 1 0:22 / /sys rw shared:7 - sysfs sysfs rw\n"
    "31 25 0:27 / /sys/fs/cgroup rw,nosuid shared:9 master:1 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr std::string_view kBoth =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
constexpr std::string_view kGroupsOfBoth = "8:pids:/\n4:cpu,memory:/own/group\n0::/leaf\n";

TEST(Hierarchies, VersionTwoAloneIsOneTree) {
  const auto found = find_hierarchies(kUnified, "0::/system.slice/mabeam.service\n");
  EXPECT_EQ(found.unified, "/sys/fs/cgroup/system.slice/mabeam.service");
  EXPECT_EQ(found.memory, "");
  EXPECT_EQ(found.processes, "");
}

TEST(Hierarchies, OlderTreesHaveAControllerEach) {
  const auto found = find_hierarchies(kBoth, kGroupsOfBoth);
  EXPECT_EQ(found.memory, "/sys/fs/cgroup/memory/own/group");
  EXPECT_EQ(found.processes, "/sys/fs/cgroup/pids");
  EXPECT_EQ(found.unified, "/sys/fs/cgroup/unified/leaf");
}

TEST(Hierarchies, PartOfATreeThatIsMountedIsItsRoot) {
  constexpr std::string_view kBound =
      "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  const auto memory = [&](std::string_view groups) {
    return find_hierarchies(kBound, groups).memory;
  };
  EXPECT_EQ(memory("4:memory:/docker/abc\n"), "/sys/fs/cgroup/memory");
  EXPECT_EQ(memory("4:memory:/docker/abc/in\n"), "/sys/fs/cgroup/memory/in");
  EXPECT_EQ(memory("4:memory:/docker/abcd\n"), "") << "a neighbour";
  EXPECT_EQ(memory("4:memory:/\n"), "") << "outside";
  EXPECT_EQ(memory("4:memory:/../..\n"), "") << "above this namespace";
}

TEST(Hierarchies, MountPointsMayHaveBlanks) {
  const auto found = find_hierarchies("1 1 0:1 / /my\\040groups rw - cgroup2 none rw\n", "0::/a\n");
  EXPECT_EQ(found.unified, "/my groups/a");
}

TEST(Hierarchies, NonsenseIsNoHierarchy) {
  for (const std::string_view mounts :
       {"", "\n\n", " - \n", "1 2 3\n", "a b c d e f - cgroup2 x y\n",
        "1 1 0:1 / rel rw - cgroup2 x y"}) {
    EXPECT_EQ(find_hierarchies(mounts, "0::/a\n").unified, "") << mounts;
  }
  for (const std::string_view groups : {"", "0", "0:", "::", "0:memory:/a\n", "0::a\n"}) {
    EXPECT_EQ(find_hierarchies(kUnified, groups).unified, "") << groups;
  }
}

TEST(Hierarchies, ProcessThatIsGoneIsInNone) {
  EXPECT_EQ(hierarchies_of(0x7FFFFFFE).unified, "");
}

}  // namespace
}  // namespace mabeam::shm

#include "supervisor/limits/control_files.hpp"

#include "tests/supervisor/fake_groups.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>

namespace mabeam::supervisor {
namespace {

TEST(ControlFiles, CountIsANumberAndNothingElse) {
  EXPECT_EQ(parse_count("4096\n"), 4096U);
  EXPECT_EQ(parse_count("0"), 0U);
  EXPECT_EQ(parse_count("18446744073709551615\n"), std::numeric_limits<std::uint64_t>::max());
  for (const char* text : {"", "\n", "max\n", "-1\n", "12x\n", "1 2\n", "18446744073709551616\n"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

TEST(ControlFiles, KeyIsAWholeWord) {
  constexpr std::string_view kText = "oom 5\noom_kill 7\noom_kill_disable 1\nbroken\nhalf ";
  EXPECT_EQ(parse_keyed_count(kText, "oom_kill"), 7U);
  EXPECT_EQ(parse_keyed_count(kText, "oom"), 5U);
  for (const char* key : {"kill", "broken", "half", "", "none"}) {
    EXPECT_FALSE(parse_keyed_count(kText, key)) << key;
  }
  EXPECT_FALSE(parse_keyed_count("", "oom"));
  EXPECT_FALSE(parse_keyed_count("oom max\n", "oom"));
}

TEST(ControlFiles, ProcessesThatCannotBeKilledAreLeftOut) {
  const tests::FakeGroups fake;
  const std::string group = fake.add("g", {{"cgroup.procs", "17\n0\n1\n-4\nx\n99999999999\n18"}});
  EXPECT_EQ(read_processes(group), (std::vector<pid_t>{17, 18}));
  EXPECT_TRUE(read_processes(group + "/none").empty());
}

TEST(ControlFiles, WhatIsNotThereIsNothing) {
  const tests::FakeGroups fake;
  EXPECT_FALSE(read_control(fake.path() + "/none"));
  EXPECT_FALSE(read_count(fake.path()));  // a folder
  EXPECT_EQ(write_control(fake.path() + "/none", "1"), ENOENT);
}

}  // namespace
}  // namespace mabeam::supervisor

// Doctor: what it says of machines that a test makes up.
#include "tools/doctor/checks.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace mabeam::tools::doctor {

namespace {

class Doctor : public ::testing::Test {
 protected:
  Doctor() {
    std::string pattern = ::testing::TempDir() + "mabeam-doctor-XXXXXX";
    machine_.root = ::mkdtemp(pattern.data());
    machine_.user = 1000;
    machine_.cpus = 4;
  }

  ~Doctor() override { std::filesystem::remove_all(machine_.root); }

  void put(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = machine_.root / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void put_folder(const std::string& path) const {
    std::filesystem::create_directories(machine_.root / path);
  }

  Machine machine_;
};

TEST_F(Doctor, KernelIsKnownByItsRelease) {
  EXPECT_EQ(check_kernel("6.1.0-13-amd64").verdict, Verdict::good);
  EXPECT_EQ(check_kernel("5.14.0").verdict, Verdict::good);
  EXPECT_EQ(check_kernel("5.10.0-26-amd64").verdict, Verdict::warning);
  EXPECT_EQ(check_kernel("4.19.0").verdict, Verdict::problem);
  for (const char* release : {"", "6", "six.one", "6.x", "."})
    EXPECT_EQ(check_kernel(release).verdict, Verdict::problem) << release;
}

TEST_F(Doctor, SharedMemoryMustBeThere) {
  EXPECT_EQ(check_shared_memory(machine_).verdict, Verdict::problem);
  put_folder("dev/shm");
  const Finding finding = check_shared_memory(machine_);
  EXPECT_NE(finding.detail.find("free of"), std::string::npos);
  constexpr std::uint64_t kMiB = 1024 * 1024;
  EXPECT_EQ(judge_shared_memory(47 * kMiB, 1024 * kMiB).verdict, Verdict::problem);
  EXPECT_EQ(judge_shared_memory(64 * kMiB, 64 * kMiB).verdict, Verdict::warning) << "Docker's";
  EXPECT_EQ(judge_shared_memory(64 * kMiB, 1024 * kMiB).verdict, Verdict::good);
}

TEST_F(Doctor, OneCpuIsFew) {
  EXPECT_EQ(check_cpus(machine_).verdict, Verdict::good);
  machine_.cpus = 1;
  EXPECT_EQ(check_cpus(machine_).verdict, Verdict::warning);
}

TEST_F(Doctor, SpinnersWantACpuEach) {
  machine_.spinners = 4;
  EXPECT_EQ(check_cpus(machine_).verdict, Verdict::good);
  machine_.spinners = 5;
  EXPECT_EQ(check_cpus(machine_).verdict, Verdict::warning);
  EXPECT_NE(check_cpus(machine_).detail.find("5 workers"), std::string::npos);
}

TEST_F(Doctor, SlowClockIsNamed) {
  const std::string file = "sys/devices/system/clocksource/clocksource0/current_clocksource";
  EXPECT_EQ(check_clock(machine_).verdict, Verdict::good) << "not known is no fault";
  put(file, "tsc\n");
  EXPECT_EQ(check_clock(machine_).verdict, Verdict::good);
  put(file, "hpet\n");
  EXPECT_EQ(check_clock(machine_).verdict, Verdict::warning);
}

TEST_F(Doctor, SwapIsCounted) {
  put("proc/swaps", "Filename Type Size Used Priority\n");
  EXPECT_EQ(check_swap(machine_).verdict, Verdict::good);
  put("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 8 0 -2\n");
  EXPECT_EQ(check_swap(machine_).verdict, Verdict::warning);
}

TEST_F(Doctor, MechanismOfLimitsIsTheBestThatMayBeWritten) {
  EXPECT_EQ(check_limits_mechanism(machine_).verdict, Verdict::warning);
  const auto at = [&](const char* folder) { return (machine_.root / folder).string(); };
  machine_.groups = {at("memory/user"), at("pids/user"), at("unified/user")};
  EXPECT_EQ(check_limits_mechanism(machine_).verdict, Verdict::warning) << "they are not there";
  put_folder("memory/user");
  put_folder("pids/user");
  EXPECT_NE(check_limits_mechanism(machine_).detail.find("v1"), std::string::npos);
  put("unified/user/cgroup.controllers", "cpu memory pids\n");
  EXPECT_NE(check_limits_mechanism(machine_).detail.find("v2"), std::string::npos);
  put("unified/user/cgroup.controllers", "cpu hugetlb\n");
  EXPECT_NE(check_limits_mechanism(machine_).detail.find("v1"), std::string::npos);
}

TEST_F(Doctor, LogindRemovesAPersonsSegmentUnlessToldNotTo) {
  EXPECT_EQ(check_remove_ipc(machine_).verdict, Verdict::good) << "no systemd";
  put_folder("run/systemd/system");
  EXPECT_EQ(check_remove_ipc(machine_).verdict, Verdict::problem) << "the default is yes";
  put("etc/systemd/logind.conf", "[Login]\n#RemoveIPC=yes\nRemoveIPC=no\n");
  EXPECT_EQ(check_remove_ipc(machine_).verdict, Verdict::good);
  put("etc/systemd/logind.conf.d/50-ours.conf", "[Login]\nRemoveIPC=yes\n");
  EXPECT_EQ(check_remove_ipc(machine_).verdict, Verdict::problem);
  machine_.user = 999;
  EXPECT_EQ(check_remove_ipc(machine_).verdict, Verdict::good) << "a system user";
}

TEST_F(Doctor, WhatIsNotGoodComesWithAdvice) {
  for (const Machine& machine : {machine_, this_machine("nobody")}) {
    for (const Finding& finding : examine(machine)) {
      EXPECT_FALSE(finding.detail.empty()) << finding.name;
      EXPECT_EQ(finding.advice.empty(), finding.verdict == Verdict::good) << finding.name;
    }
  }
}

}  // namespace

}  // namespace mabeam::tools::doctor

#include "tools/doctor/checks.hpp"

#include "shm/segment.hpp"
#include "tools/cli/human.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include <sched.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace mabeam::tools::doctor {

namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
/// What the default configuration takes, and a little.
constexpr std::uint64_t kDefaultSegment = 48 * kMiB;

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool holds_word(std::string_view words, std::string_view word) {
  std::istringstream stream{std::string(words)};
  for (std::string each; stream >> each;)
    if (each == word) return true;
  return false;
}

bool may_write(const std::filesystem::path& path) {
  return ::access(path.c_str(), W_OK) == 0;
}

/// The two numbers that "6.1.0-13-amd64" begins with; zeros if it does not.
std::pair<unsigned, unsigned> version_in(std::string_view release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* const end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return {};
  if (std::from_chars(first.ptr + 1, end, minor).ec != std::errc{}) return {};
  return {major, minor};
}

/// A look at the segment; 0 where there is none that can be read.
unsigned spinners_of(const std::string& runtime) {
  const auto segment = shm::Segment::attach(runtime, shm::Access::read_only);
  if (!segment) return 0;
  const std::uint64_t idle = segment->header().tunables.idle.load(std::memory_order_relaxed);
  return idle == static_cast<std::uint64_t>(shm::IdleMode::busy_spin)
             ? segment->dimensions().workers
             : 0;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return "good";
    case Verdict::warning:
      return "warning";
    case Verdict::problem:
      break;
  }
  return "problem";
}

Machine this_machine(const std::string& runtime) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  const bool is_known = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0;
  return {.user = ::geteuid(),
          .cpus = is_known ? static_cast<unsigned>(CPU_COUNT(&cpus)) : 1,
          .spinners = spinners_of(runtime),
          .groups = shm::hierarchies_of(0)};
}

std::vector<Finding> examine(const Machine& machine) {
  utsname kernel{};
  const std::string release = ::uname(&kernel) == 0 ? kernel.release : "";
  return {check_kernel(release),    check_shared_memory(machine), check_cpus(machine),
          check_clock(machine),     check_swap(machine),          check_limits_mechanism(machine),
          check_remove_ipc(machine)};
}

// pidfd_open() came with 5.3, MADV_POPULATE_WRITE with 5.14; without the second the segment is
// touched page by page.
Finding check_kernel(std::string_view release) {
  Finding finding{.name = "kernel", .detail = "Linux " + std::string(release)};
  const auto version = version_in(release);
  if (version < std::pair{5U, 3U}) {
    finding.verdict = Verdict::problem;
    finding.advice = "a supervisor needs pidfds: Linux 5.3 or later";
  } else if (version < std::pair{5U, 14U}) {
    finding.verdict = Verdict::warning;
    finding.advice = "Linux 5.14 or later starts a runtime faster";
  }
  return finding;
}

Finding check_shared_memory(const Machine& machine) {
  const std::filesystem::path folder = machine.root / "dev/shm";

  struct statvfs space {};

  if (::statvfs(folder.c_str(), &space) != 0 || !may_write(folder)) {
    return {.name = "shared_memory",
            .verdict = Verdict::problem,
            .detail = "/dev/shm is not there, or not to be written",
            .advice = "mount it: mount -t tmpfs -o size=1g,mode=1777 tmpfs /dev/shm"};
  }
  return judge_shared_memory(std::uint64_t{space.f_bavail} * space.f_frsize,
                             std::uint64_t{space.f_blocks} * space.f_frsize);
}

Finding judge_shared_memory(std::uint64_t free, std::uint64_t all) {
  Finding finding{.name = "shared_memory",
                  .detail = "/dev/shm has " + human_bytes(free) + " free of " + human_bytes(all)};
  if (free < kDefaultSegment) {
    finding.verdict = Verdict::problem;
    finding.advice =
        "a runtime takes up to 48 MiB by default: make it larger (docker run "
        "--shm-size=1g; mount -o remount,size=1g /dev/shm), or configure less";
  } else if (all < 2 * kDefaultSegment) {
    finding.verdict = Verdict::warning;
    finding.advice =
        "there is room for one runtime of default settings: for more, or larger ones, make it "
        "larger (docker run --shm-size=1g; mount -o remount,size=1g /dev/shm)";
  }
  return finding;
}

Finding check_cpus(const Machine& machine) {
  Finding finding{.name = "cpus", .detail = std::to_string(machine.cpus) + " to run on"};
  if (machine.spinners > machine.cpus) {
    finding.verdict = Verdict::warning;
    finding.detail += ", and " + std::to_string(machine.spinners) + " workers that spin";
    finding.advice =
        "a worker that spins on another's CPU keeps it from its work: idle = \"backoff\", or at "
        "most so many workers as CPUs";
  } else if (machine.cpus < 2) {
    finding.verdict = Verdict::warning;
    finding.advice =
        "two processes that talk take turns on one CPU: expect microseconds, not "
        "hundreds of nanoseconds; never set idle = \"busy_spin\" here";
  }
  return finding;
}

Finding check_clock(const Machine& machine) {
  const std::string source =
      first_line(machine.root / "sys/devices/system/clocksource/clocksource0/current_clocksource");
  Finding finding{.name = "clock",
                  .detail = source.empty() ? "its source is not known" : "source " + source};
  if (source == "hpet" || source == "acpi_pm" || source == "jiffies") {
    finding.verdict = Verdict::warning;
    finding.advice =
        "reading it is a system call: each turn and each deadline pays a microsecond; "
        "find out why the kernel refuses tsc (dmesg | grep -i clocksource)";
  }
  return finding;
}

Finding check_swap(const Machine& machine) {
  std::ifstream swaps(machine.root / "proc/swaps");
  std::size_t count = 0;
  for (std::string line; std::getline(swaps, line);)
    ++count;
  Finding finding{.name = "swap", .detail = "none"};
  if (count > 1) {  // the first line names the columns
    finding.verdict = Verdict::warning;
    finding.detail = std::to_string(count - 1) + " in use";
    finding.advice =
        "an idle runtime's segment may be swapped out, and its next message waits for "
        "a disk: swapoff -a, or MemorySwapMax=0 in the unit";
  }
  return finding;
}

// Groups are made below one's own. `mabeam limits` says what a running supervisor has come to.
Finding check_limits_mechanism(const Machine& machine) {
  Finding finding{.name = "limits"};
  const shm::Hierarchies& groups = machine.groups;
  const std::string controllers = first_line(groups.unified + "/cgroup.controllers");
  if (holds_word(controllers, "memory") && holds_word(controllers, "pids") &&
      may_write(groups.unified)) {
    finding.detail = "cgroup v2 with memory and pids";
  } else if (may_write(groups.memory) && may_write(groups.processes)) {
    finding.detail = "cgroup v1, memory and pids to be written";
  } else {
    finding.verdict = Verdict::warning;
    finding.detail = "no cgroup that this user may write";
    finding.advice =
        "memory is limited by RLIMIT_DATA and a watch, processes by RLIMIT_NPROC; for "
        "the kernel's own limits set Delegate=yes in the unit, or run as root";
  }
  return finding;
}

// logind removes the shared memory of a user who has logged out, but a system user's.
Finding check_remove_ipc(const Machine& machine) {
  constexpr uid_t kFirstPerson = 1000;
  Finding finding{.name = "remove_ipc", .detail = "does not concern this user"};
  if (machine.user < kFirstPerson ||
      !std::filesystem::exists(machine.root / "run/systemd/system")) {
    return finding;
  }
  std::vector<std::filesystem::path> files{machine.root / "etc/systemd/logind.conf"};
  std::error_code none;
  for (const auto& entry :
       std::filesystem::directory_iterator(machine.root / "etc/systemd/logind.conf.d", none))
    files.push_back(entry.path());
  std::sort(files.begin() + 1, files.end());
  bool removes = true;  // where nothing is said
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("RemoveIPC="))
        removes = line == "RemoveIPC=yes" || line == "RemoveIPC=true";
    }
  }
  finding.detail = removes ? "RemoveIPC=yes" : "RemoveIPC=no";
  if (removes) {
    finding.verdict = Verdict::problem;
    finding.advice =
        "logind removes the segment when this user logs out: set RemoveIPC=no in "
        "/etc/systemd/logind.conf, or run as a system user";
  }
  return finding;
}

}  // namespace mabeam::tools::doctor

#include "supervisor/spawn.hpp"

#include "supervisor/pidfd.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

constexpr int kNeverRan = 127;  // what a shell exits with for a program that it cannot run
constexpr unsigned kFirstOwnDescriptor = 3;

/// All that the child needs, laid out before the fork.
struct Plan {
  std::vector<char*> arguments;
  cpu_set_t cpus{};
  bool sets_cpus = false;
  int nice = 0;
  int null = -1;
  int report = -1;
};

Plan make_plan(const SpawnOptions& options) {
  Plan plan;
  plan.arguments.push_back(const_cast<char*>(options.executable.c_str()));
  for (const std::string& each : options.arguments) {
    plan.arguments.push_back(const_cast<char*>(each.c_str()));
  }
  plan.arguments.push_back(nullptr);
  for (const std::uint32_t cpu : options.cpus)
    CPU_SET(cpu, &plan.cpus);
  plan.sets_cpus = !options.cpus.empty();
  plan.nice = options.nice;
  return plan;
}

[[noreturn]] void report_and_exit(const Plan& plan, SpawnStep step) noexcept {
  const SpawnFailure failure{step, errno};
  [[maybe_unused]] const auto bytes = ::write(plan.report, &failure, sizeof failure);
  ::_exit(kNeverRan);
}

/// In the child: async-signal-safe calls only.
[[noreturn]] void become(const Plan& plan) noexcept {
  ::setsid();

  struct sigaction standard {};

  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    ::sigaction(signal, &standard, nullptr);
  ::dup2(plan.null, STDIN_FILENO);
  ::syscall(SYS_close_range, kFirstOwnDescriptor, ~0U, CLOSE_RANGE_CLOEXEC);
  if (plan.nice != 0 && ::setpriority(PRIO_PROCESS, 0, plan.nice) != 0) {
    report_and_exit(plan, SpawnStep::set_nice);
  }
  if (plan.sets_cpus && ::sched_setaffinity(0, sizeof plan.cpus, &plan.cpus) != 0) {
    report_and_exit(plan, SpawnStep::set_cpus);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.arguments.front(), plan.arguments.data(), environ);
  report_and_exit(plan, SpawnStep::exec);
}

bool is_program(const std::filesystem::path& path) {
  std::error_code error;
  return ::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path, error);
}

}  // namespace

Result<Child> spawn(const SpawnOptions& options) {
  int ends[2]{};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_system(errno);
  Child child;
  child.report.reset(ends[0]);
  const Descriptor write_end{ends[1]};
  const Descriptor null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (!null) return fail_system(errno);
  Plan plan = make_plan(options);
  plan.null = null.get();
  plan.report = write_end.get();
  child.pid = ::fork();
  if (child.pid < 0) return fail_system(errno);
  if (child.pid == 0) become(plan);
  Result<Descriptor> pidfd = open_pidfd(child.pid);
  if (!pidfd) {  // out of descriptors: nobody would see this child die
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    return fail(pidfd.error());
  }
  child.pidfd = std::move(*pidfd);
  return child;
}

std::optional<SpawnFailure> read_report(const Descriptor& report) {
  SpawnFailure failure;
  const auto bytes = ::read(report.get(), &failure, sizeof failure);
  if (bytes != static_cast<ssize_t>(sizeof failure)) return std::nullopt;
  return failure;
}

std::string describe(SpawnFailure failure, const SpawnOptions& options) {
  const std::string reason = ": " + std::generic_category().message(failure.os);
  switch (failure.step) {
    case SpawnStep::set_nice:
      return "cannot set worker.nice = " + std::to_string(options.nice) + reason;
    case SpawnStep::set_cpus:
      return "cannot set worker.cpus" + reason;
    case SpawnStep::exec:
      break;
  }
  return "cannot run " + options.executable + reason;
}

std::string find_worker(const std::string& configured) {
  if (!configured.empty()) return configured;
  std::error_code error;
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::filesystem::path beside = folder / "mabeam-worker";
  const std::filesystem::path installed = folder.parent_path() / "libexec/mabeam/mabeam-worker";
  return !is_program(beside) && is_program(installed) ? installed.string() : beside.string();
}

}  // namespace mabeam::supervisor

#include "supervisor/spawn.hpp"

#include "supervisor/pidfd.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

constexpr int kNeverRan = 127;  // what a shell exits with for a program that it cannot run
constexpr unsigned kFirstOwnDescriptor = 3;

/// All that the child needs, laid out before the fork.
struct Plan {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  cpu_set_t cpus{};
  bool sets_cpus = false;
  int nice = 0;
  int null = -1;
  int report = -1;
  int output = -1;
  int kept = -1;
  Descriptor birthplace;           ///< the folder of a group to be born in
  Descriptor birthplace_door;      ///< joins it otherwise
  std::vector<Descriptor> groups;  ///< to be joined
  std::vector<ResourceLimit> limits;
};

/// True if `text` sets the variable that `other` sets.
bool is_same_variable(std::string_view text, std::string_view other) {
  return text.substr(0, text.find('=')) == other.substr(0, other.find('='));
}

std::vector<char*> environment_with(const std::vector<std::string>& more) {
  std::vector<char*> all;
  for (char** each = environ; *each != nullptr; ++each) {
    const bool is_replaced = std::any_of(more.begin(), more.end(), [&](const std::string& text) {
      return is_same_variable(text, *each);
    });
    if (!is_replaced) all.push_back(*each);
  }
  for (const std::string& text : more)
    all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

Plan make_plan(const SpawnOptions& options) {
  Plan plan;
  plan.arguments.push_back(const_cast<char*>(options.executable.c_str()));
  for (const std::string& each : options.arguments) {
    plan.arguments.push_back(const_cast<char*>(each.c_str()));
  }
  plan.arguments.push_back(nullptr);
  plan.environment = environment_with(options.environment);
  for (const std::uint32_t cpu : options.cpus)
    CPU_SET(cpu, &plan.cpus);
  plan.sets_cpus = !options.cpus.empty();
  plan.nice = options.nice;
  plan.limits = options.limits;
  plan.output = options.output;
  plan.kept = options.kept;
  return plan;
}

[[noreturn]] void report_and_exit(const Plan& plan, SpawnStep step) noexcept {
  const SpawnFailure failure{step, errno};
  [[maybe_unused]] const auto bytes = ::write(plan.report, &failure, sizeof failure);
  ::_exit(kNeverRan);
}

// The hard limit stays as it is: a reload may raise the other one.
bool set_limit(const ResourceLimit& wanted) noexcept {
  rlimit limit{};
  if (::getrlimit(wanted.resource, &limit) != 0) return false;
  limit.rlim_cur = wanted.value;
  return ::setrlimit(wanted.resource, &limit) == 0;
}

/// In the child: async-signal-safe calls only.
void confine(const Plan& plan) noexcept {
  for (const Descriptor& group : plan.groups) {
    if (::write(group.get(), "0", 1) != 1) report_and_exit(plan, SpawnStep::join_group);
  }
  for (const ResourceLimit& limit : plan.limits) {
    if (!set_limit(limit)) report_and_exit(plan, SpawnStep::set_limit);
  }
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/// In the child: async-signal-safe calls only.
[[noreturn]] void become(const Plan& plan) noexcept {
  ::setsid();
  confine(plan);

  struct sigaction standard {};

  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    ::sigaction(signal, &standard, nullptr);
  ::dup2(plan.null, STDIN_FILENO);
  if (plan.output >= 0) {
    ::dup2(plan.output, STDOUT_FILENO);
    ::dup2(plan.output, STDERR_FILENO);
  }
  ::syscall(SYS_close_range, kFirstOwnDescriptor, ~0U, CLOSE_RANGE_CLOEXEC);
  if (plan.kept >= 0) ::fcntl(plan.kept, F_SETFD, 0);
  if (plan.nice != 0 && ::setpriority(PRIO_PROCESS, 0, plan.nice) != 0) {
    report_and_exit(plan, SpawnStep::set_nice);
  }
  if (plan.sets_cpus && ::sched_setaffinity(0, sizeof plan.cpus, &plan.cpus) != 0) {
    report_and_exit(plan, SpawnStep::set_cpus);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.arguments.front(), plan.arguments.data(), plan.environment.data());
  report_and_exit(plan, SpawnStep::exec);
}

/// fork() into a group of version 2: to join one later takes the kernel some milliseconds more.
pid_t fork_into(const Descriptor& group) {
  clone_args how{};
  how.flags = CLONE_INTO_CGROUP;
  how.exit_signal = SIGCHLD;
  how.cgroup = static_cast<decltype(how.cgroup)>(group.get());
  return static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof how));
}

bool is_unified(const Descriptor& file) {
  struct statfs about {};

  return ::fstatfs(file.get(), &about) == 0 && about.f_type == CGROUP2_SUPER_MAGIC;
}

Result<> open_groups(const std::vector<std::string>& files, Plan& plan) {
  for (const std::string& file : files) {
    Descriptor group{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!group) return fail_system(errno);
    if (!plan.birthplace && is_unified(group)) {
      const std::string folder = file.substr(0, file.rfind('/'));
      plan.birthplace.reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      plan.birthplace_door = std::move(group);
    } else {
      plan.groups.push_back(std::move(group));
    }
  }
  return {};
}

/// Containers may forbid to choose the group, or the call itself.
pid_t fork_by(Plan& plan) {
  if (plan.birthplace) {
    const pid_t pid = fork_into(plan.birthplace);
    if (pid >= 0) return pid;
  }
  if (plan.birthplace_door) plan.groups.push_back(std::move(plan.birthplace_door));
  return ::fork();
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
  if (const Result<> opened = open_groups(options.groups, plan); !opened)
    return fail(opened.error());
  plan.null = null.get();
  plan.report = write_end.get();
  child.pid = fork_by(plan);
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
    case SpawnStep::join_group:
      return "cannot join a control group" + reason + "; see limits.mechanism";
    case SpawnStep::set_limit:
      return "cannot set a resource limit" + reason + "; see [limits]";
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

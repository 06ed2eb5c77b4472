#include "worker/testing/stepped_child.hpp"

#include <csignal>
#include <cstdio>

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::testing {
namespace {

void pin_to_this_cpu() {
  const int cpu = ::sched_getcpu();
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu < 0 ? 0U : static_cast<unsigned>(cpu), &cpus);
  ::sched_setaffinity(0, sizeof cpus, &cpus);
}

bool wait_for_stop(pid_t child, int signal) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return false;
  return WIFSTOPPED(status) && WSTOPSIG(status) == signal;
}

pid_t start(const std::function<void()>& prepare, const std::function<void()>& operation) {
  pin_to_this_cpu();
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  prepare();
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  operation();
  ::raise(SIGSTOP);
  ::_exit(0);
}

}  // namespace

SteppedChild::SteppedChild(const std::function<void()>& prepare,
                           const std::function<void()>& operation)
    : pid_(start(prepare, operation)),
      is_ready_(pid_ > 0 && wait_for_stop(pid_, SIGSTOP)) {
}

SteppedChild::~SteppedChild() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool SteppedChild::step() {
  if (::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) != 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) return false;
  return WSTOPSIG(status) != SIGSTOP;
}

}  // namespace mabeam::testing

#include "worker/testing/stepped_child.hpp"

#include <csignal>
#include <cstddef>
#include <cstdio>

#include <sched.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/user.h>
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

// One instruction. False if the child has ended, or the operation has.
bool step_one(pid_t child) {
  if (::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) return false;
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return false;
  return WSTOPSIG(status) != SIGSTOP;
}

// The kernel's own page, which reads the clock; a forked child has it where its parent has.
bool is_in_vdso(pid_t child) {
#if defined(__x86_64__)
  constexpr unsigned long kMostBytes = 8192;
  const unsigned long begin = ::getauxval(AT_SYSINFO_EHDR);
  const long at = ::ptrace(PTRACE_PEEKUSER, child, offsetof(user_regs_struct, rip), nullptr);
  return begin != 0 && static_cast<unsigned long>(at) - begin < kMostBytes;
#else
  static_cast<void>(child);
  return false;
#endif
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

// A read of the clock is one step: nothing of ours changes in it, and it begins anew whenever a
// tick of the kernel's falls into it, which is always where each of its instructions is looked at.
bool SteppedChild::step() {
  do {
    if (!step_one(pid_)) return false;
  } while (is_in_vdso(pid_));
  return true;
}

bool SteppedChild::finish() {
  return ::ptrace(PTRACE_CONT, pid_, nullptr, nullptr) == 0 && wait_for_stop(pid_, SIGSTOP);
}

}  // namespace mabeam::testing

#include "supervisor/pidfd.hpp"

#include "shm/process.hpp"

#include <cerrno>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mabeam::supervisor {

Result<Descriptor> open_pidfd(pid_t pid) {
  Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};  // close-on-exec
  if (!pidfd) return fail_system(errno);
  return pidfd;
}

// The descriptor first, the start time after it: what is compared then cannot be replaced any more.
Result<Descriptor> open_process(shm::ProcessId process) {
  const auto pid = static_cast<pid_t>(process.pid());
  Result<Descriptor> pidfd = open_pidfd(pid);
  if (!pidfd && (pidfd.error().os == ESRCH || pidfd.error().os == EINVAL)) {
    return fail(Errc::not_found);
  }
  if (!pidfd) return pidfd;
  const auto found = shm::process_of(pid);
  // /proc may show a first thread that has ended before the others: then the descriptor decides.
  if (found ? *found != process : is_gone(*pidfd)) return fail(Errc::not_found);
  return pidfd;
}

bool is_gone(const Descriptor& pidfd) noexcept {
  pollfd entry{pidfd.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

void send_signal(const Descriptor& pidfd, int signal) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0U);
}

}  // namespace mabeam::supervisor

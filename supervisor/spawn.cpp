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

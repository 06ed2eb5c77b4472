#include "supervisor/limits/group_folders.hpp"

#include "supervisor/limits/control_files.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

/// What was killed is gone in a few milliseconds; longer is what the kernel holds.
constexpr int kLooks = 100;
constexpr std::chrono::milliseconds kLookEvery{2};

bool has_word(const std::string& list, const std::string& word) {
  return (" " + list.substr(0, list.find('\n')) + " ").find(" " + word + " ") != std::string::npos;
}

bool is_alone_in(const std::string& folder) {
  const std::vector<pid_t> processes = read_processes(folder);
  return processes.size() == 1 && processes.front() == ::getpid();
}

bool is_enabled(const std::string& folder, const std::string& controller) {
  return has_word(read_control(folder + "/cgroup.subtree_control").value_or(""), controller);
}

std::vector<std::string> groups_inside(const std::string& folder) {
  std::vector<std::string> groups;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) groups.push_back(entry.path());
  }
  return groups;
}

}  // namespace

int make_group(const std::string& folder) {
  return ::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST ? 0 : errno;
}

bool has_control(const std::string& folder, const char* file) {
  return ::access((folder + "/" + file).c_str(), W_OK) == 0;
}

// Groups of version 1 have both. A process with one thread that puts itself into `tasks` is there
// at once (since Linux 5.5); by `cgroup.procs` it waits some ten milliseconds for all other CPUs.
std::string door_of(const std::string& folder) {
  return folder + (has_control(folder, "tasks") ? "/tasks" : "/cgroup.procs");
}

bool enable_controller(const std::string& folder, const std::string& controller,
                       const std::string& leaf) {
  if (is_enabled(folder, controller)) return true;
  const std::string control = folder + "/cgroup.subtree_control";
  int error = write_control(control, "+" + controller);
  if (error == EBUSY && is_alone_in(folder) && make_group(leaf) == 0) {
    write_control(leaf + "/cgroup.procs", "0");
    error = write_control(control, "+" + controller);
  }
  return error == 0;
}

// Where each has to be killed by itself, forks are stopped first, so that one pass finds them all.
void kill_group(const std::string& folder) {
  if (write_control(folder + "/cgroup.kill", "1") == 0) return;
  write_control(folder + "/pids.max", "0");
  for (const pid_t pid : read_processes(folder)) {
    if (pid != ::getpid()) ::kill(pid, SIGKILL);
  }
}

bool is_group_empty(const std::string& folder) {
  return read_processes(folder).empty();
}

int remove_group(const std::string& folder) {
  if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return 0;
  for (const std::string& inside : groups_inside(folder))
    remove_group(inside);
  for (int look = 0; look < kLooks && !is_group_empty(folder); ++look) {
    kill_group(folder);
    std::this_thread::sleep_for(kLookEvery);
  }
  return ::rmdir(folder.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace mabeam::supervisor

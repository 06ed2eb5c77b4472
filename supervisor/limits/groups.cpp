#include "supervisor/limits/groups.hpp"

#include "shm/layout.hpp"
#include "supervisor/limits/control_files.hpp"
#include "supervisor/limits/group_folders.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace mabeam::supervisor {
namespace {

constexpr const char* kProcessLimitFile = "pids.max";
constexpr const char* kKillFile = "cgroup.kill";

/// Makes a group that must have the file; empty: it cannot be had.
std::string make_group_with(const std::string& parent, const std::string& name, const char* file) {
  if (parent.empty()) return {};
  std::string folder = parent + "/" + name;
  if (make_group(folder) != 0) return {};
  if (has_control(folder, file)) return folder;
  (void)remove_group(folder);
  return {};
}

/// The parent of `folder`, if it is one of this supervisor's own leaf; else itself.
std::string without_leaf(const std::string& folder, const std::string& leaf) {
  const std::string end = "/" + leaf;
  return folder.ends_with(end) ? folder.substr(0, folder.size() - end.size()) : folder;
}

std::string inside(const std::string& folder, const std::string& name) {
  return folder.empty() ? std::string{} : folder + "/" + name;
}

std::string limit_text(std::uint64_t count) {
  return count == 0 ? "max" : std::to_string(count);
}

}  // namespace

std::vector<std::string> GroupFolders::distinct() const {
  std::vector<std::string> found;
  for (const std::string* folder : {&memory, &processes, &kill}) {
    if (!folder->empty() && std::find(found.begin(), found.end(), *folder) == found.end()) {
      found.push_back(*folder);
    }
  }
  return found;
}

Groups Groups::open(const shm::Hierarchies& own, const std::string& runtime) {
  Groups groups;
  groups.name_ = "mabeam-" + runtime;
  groups.open_unified(own.unified);
  groups.open_older(own);
  for (std::uint32_t worker = 0; worker < shm::kMaxWorkers; ++worker)
    groups.members_.push_back({groups.folders_of(worker)});
  return groups;
}

// In a tree of both versions the unified one has no controllers, but it can kill.
void Groups::open_unified(const std::string& own) {
  if (own.empty()) return;
  const std::string leaf = name_ + ".supervisor";
  const std::string base = without_leaf(own, leaf);
  const std::string own_leaf = base + "/" + leaf;
  const bool has_memory = enable_controller(base, "memory", own_leaf);
  const bool has_pids = enable_controller(base, "pids", own_leaf);
  runtime_.kill = make_group_with(base, name_, kKillFile);
  const std::string folder = base + "/" + name_;
  if (has_memory && make_group(folder) == 0 && has_control(folder, kMemoryV2.limit_file) &&
      enable_controller(folder, "memory", own_leaf)) {
    runtime_.memory = folder;
    memory_files_ = &kMemoryV2;
    memory_mechanism_ = LimitMechanism::cgroup_v2;
  }
  if (has_pids && make_group(folder) == 0 && has_control(folder, kProcessLimitFile) &&
      enable_controller(folder, "pids", own_leaf)) {
    runtime_.processes = folder;
    process_mechanism_ = LimitMechanism::cgroup_v2;
  }
}

void Groups::open_older(const shm::Hierarchies& own) {
  if (runtime_.memory.empty()) {
    runtime_.memory = make_group_with(own.memory, name_, kMemoryV1.limit_file);
    if (!runtime_.memory.empty()) {
      memory_files_ = &kMemoryV1;
      memory_mechanism_ = LimitMechanism::cgroup_v1;
    }
  }
  if (runtime_.processes.empty() && !own.processes.empty()) {
    // The root of the hierarchy has no such file; a group in it does.
    runtime_.processes = make_group_with(own.processes, name_, kProcessLimitFile);
    if (!runtime_.processes.empty()) process_mechanism_ = LimitMechanism::cgroup_v1;
  }
}

GroupFolders Groups::folders_of(std::uint32_t worker) const {
  const std::string name = "worker-" + std::to_string(worker);
  return {inside(runtime_.memory, name), inside(runtime_.processes, name),
          inside(runtime_.kill, name)};
}

const GroupFolders* Groups::find(std::uint32_t worker) const {
  return worker < members_.size() ? &members_[worker].folders : nullptr;
}

// An adopted worker may have been in a group elsewhere, which is the last one's to know of.
int Groups::remove_worker_group(const std::string& folder) const {
  const int error = remove_group(folder);
  const std::string parent = folder.substr(0, folder.rfind('/'));
  const std::vector<std::string> own = runtime_.distinct();
  if (std::find(own.begin(), own.end(), parent) == own.end()) (void)::rmdir(parent.c_str());
  return error;
}

// One that was adopted may have been in a group elsewhere; its successor is not.
Result<> Groups::renew(std::uint32_t worker) {
  if (worker >= members_.size()) return {};
  Member& fresh = members_[worker];
  const GroupFolders wanted = folders_of(worker);
  for (const GroupFolders& folders : {fresh.folders, wanted}) {
    for (const std::string& folder : folders.distinct()) {
      if (remove_worker_group(folder) != 0 && !is_group_empty(folder)) return fail(Errc::in_use);
    }
  }
  fresh = {wanted};
  for (const std::string& folder : wanted.distinct()) {
    if (const int error = make_group(folder); error != 0) return fail_system(error);
  }
  if (memory_files_ != nullptr) memory_files_->bind(wanted.memory);
  fresh.kills_before = memory_kills(worker);
  fresh.refused_before = refused_processes(worker);
  return {};
}

bool Groups::discard(std::uint32_t worker) {
  if (worker >= members_.size()) return false;
  bool had_one = false;
  for (const std::string& folder : members_[worker].folders.distinct()) {
    const bool is_there = ::access(folder.c_str(), F_OK) == 0;
    had_one = (is_there && remove_worker_group(folder) == 0) || had_one;
  }
  members_[worker] = {folders_of(worker)};
  return had_one;
}

std::vector<std::string> Groups::doors(std::uint32_t worker) const {
  std::vector<std::string> doors;
  const GroupFolders* folders = find(worker);
  if (folders == nullptr) return doors;
  for (const std::string& folder : folders->distinct())
    doors.push_back(door_of(folder));
  return doors;
}

void Groups::adopt(std::uint32_t worker, pid_t pid) {
  adopt(worker, pid, shm::hierarchies_of(pid));
}

void Groups::adopt(std::uint32_t worker, pid_t pid, const shm::Hierarchies& found) {
  if (worker >= members_.size()) return;
  Member& adopted = members_[worker];
  const GroupFolders wanted = folders_of(worker);
  const std::string end = "/" + name_ + "/worker-" + std::to_string(worker);
  const auto settle = [&](std::string& folder, const std::string& own, const std::string& its) {
    folder = own;
    if (own.empty() || its == own) return;
    if (its.ends_with(end)) {
      folder = its;
    } else if (make_group(own) == 0) {
      write_control(own + "/cgroup.procs", std::to_string(pid));
    }
  };
  const bool is_unified = memory_mechanism_ == LimitMechanism::cgroup_v2;
  const bool counts_unified = process_mechanism_ == LimitMechanism::cgroup_v2;
  settle(adopted.folders.memory, wanted.memory, is_unified ? found.unified : found.memory);
  settle(adopted.folders.processes, wanted.processes,
         counts_unified ? found.unified : found.processes);
  settle(adopted.folders.kill, wanted.kill, found.unified);
  // All that its group has counted is its own, whoever was its supervisor then.
  adopted.kills_before = 0;
  adopted.refused_before = 0;
}

void Groups::kill(std::uint32_t worker) const {
  const GroupFolders* folders = find(worker);
  if (folders == nullptr) return;
  for (const std::string& folder : {folders->kill, folders->processes, folders->memory}) {
    if (!folder.empty()) kill_group(folder);
  }
}

bool Groups::is_empty(std::uint32_t worker) const {
  const GroupFolders* folders = find(worker);
  if (folders == nullptr) return true;
  const std::vector<std::string> all = folders->distinct();
  return std::all_of(all.begin(), all.end(), is_group_empty);
}

int Groups::limit_memory(std::uint32_t worker, std::uint64_t bytes) const {
  const GroupFolders* folders = find(worker);
  if (folders == nullptr || folders->memory.empty()) return ENOENT;
  return memory_files_->set_limit(folders->memory, bytes);
}

int Groups::limit_processes(std::uint32_t worker, std::uint64_t count) const {
  const GroupFolders* folders = find(worker);
  if (folders == nullptr || folders->processes.empty()) return ENOENT;
  return write_control(folders->processes + "/" + kProcessLimitFile, limit_text(count));
}

int Groups::limit_runtime_memory(std::uint64_t bytes) const {
  if (runtime_.memory.empty()) return ENOENT;
  return memory_files_->set_limit(runtime_.memory, bytes);
}

std::optional<std::uint64_t> Groups::memory_used(std::uint32_t worker) const {
  const GroupFolders* folders = find(worker);
  if (folders == nullptr || folders->memory.empty()) return std::nullopt;
  return memory_files_->used(folders->memory);
}

std::uint64_t Groups::count_kills(const GroupFolders& folders) const {
  if (folders.memory.empty()) return 0;
  return memory_files_->kills(folders.memory).value_or(0);
}

std::uint64_t Groups::memory_kills(std::uint32_t worker) const {
  if (worker >= members_.size()) return 0;
  const std::uint64_t kills = count_kills(members_[worker].folders);
  return kills - std::min(kills, members_[worker].kills_before);
}

std::optional<std::uint64_t> Groups::processes(std::uint32_t worker) const {
  const GroupFolders* folders = find(worker);
  if (folders == nullptr || folders->processes.empty()) return std::nullopt;
  return read_count(folders->processes + "/pids.current");
}

std::uint64_t Groups::refused_processes(std::uint32_t worker) const {
  if (worker >= members_.size() || members_[worker].folders.processes.empty()) return 0;
  const Member& one = members_[worker];
  const std::uint64_t refused =
      read_keyed_count(one.folders.processes + "/pids.events", "max").value_or(0);
  return refused - std::min(refused, one.refused_before);
}

void Groups::remove() {
  for (const Member& one : members_) {
    for (const std::string& folder : one.folders.distinct())
      (void)remove_worker_group(folder);
  }
  for (const std::string& folder : runtime_.distinct())
    (void)remove_group(folder);
  members_.clear();
}

}  // namespace mabeam::supervisor

#include "shm/hierarchies.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace mabeam::shm {
namespace {

constexpr std::string_view kNone{};

std::string_view cut(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (cut(list, ',') == word) return true;
  }
  return false;
}

/// "\040" and the like: how the kernel writes blanks in a path.
std::string unescaped(std::string_view path) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < path.size() && path[at] >= '0' && path[at] <= '7';
    };
    if (path[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      text += static_cast<char>((path[i + 1] - '0') * 64 + (path[i + 2] - '0') * 8 +
                                (path[i + 3] - '0'));
      i += 3;
    } else {
      text += path[i];
    }
  }
  return text;
}

/// A line of mountinfo: "32 31 0:29 /root /mount/point rw shared:1 - cgroup cgroup rw,memory".
struct Mount {
  std::string root;
  std::string point;
  std::string_view type;
  std::string_view options;
};

std::optional<Mount> parse_mount(std::string_view line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  std::string_view front = line.substr(0, dash);
  std::string_view back = line.substr(dash + 3);
  for (int i = 0; i < 3; ++i)
    cut(front, ' ');
  Mount mount;
  mount.root = unescaped(cut(front, ' '));
  mount.point = unescaped(cut(front, ' '));
  mount.type = cut(back, ' ');
  cut(back, ' ');
  mount.options = back;
  if (!mount.root.starts_with('/') || !mount.point.starts_with('/')) return std::nullopt;
  return mount;
}

/// The group's path in the hierarchy of `controller`, or in the unified one if that is empty.
std::string_view group_in(std::string_view groups, std::string_view controller) {
  while (!groups.empty()) {
    std::string_view line = cut(groups, '\n');
    const std::string_view number = cut(line, ':');
    const std::string_view controllers = cut(line, ':');
    const bool is_wanted = controller.empty() ? number == "0" && controllers.empty()
                                              : has_word(controllers, controller);
    if (is_wanted) return line;
  }
  return kNone;
}

/// The folder of a group; empty if it lies outside of what is mounted.
std::string folder_of(const Mount& mount, std::string_view group) {
  if (!group.starts_with('/') || group.find("/..") != std::string_view::npos) return {};
  if (mount.root != "/") {
    if (!group.starts_with(mount.root)) return {};
    group.remove_prefix(mount.root.size());
    if (!group.empty() && group.front() != '/') return {};
  }
  std::string folder = mount.point;
  if (group != "/") folder += group;
  return folder;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Hierarchies find_hierarchies(std::string_view mountinfo, std::string_view groups) {
  Hierarchies found;
  while (!mountinfo.empty()) {
    const auto mount = parse_mount(cut(mountinfo, '\n'));
    if (!mount) continue;
    if (mount->type == "cgroup2" && found.unified.empty()) {
      found.unified = folder_of(*mount, group_in(groups, kNone));
    } else if (mount->type == "cgroup") {
      const std::array wanted{std::pair{"memory", &found.memory},
                              std::pair{"pids", &found.processes}};
      for (const auto& [controller, folder] : wanted) {
        if (!folder->empty() || !has_word(mount->options, controller)) continue;
        *folder = folder_of(*mount, group_in(groups, controller));
      }
    }
  }
  return found;
}

Hierarchies hierarchies_of(pid_t pid) {
  const std::string process = pid == 0 ? "self" : std::to_string(pid);
  return find_hierarchies(text_of("/proc/self/mountinfo"), text_of("/proc/" + process + "/cgroup"));
}

}  // namespace mabeam::shm

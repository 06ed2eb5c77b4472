// Control files: the small files through which the kernel is told and asked about control groups.
// Whatever is in them is taken for what it is: a value that cannot be read is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mabeam::supervisor {

/// The whole file, up to 64 KiB of it; nothing if it cannot be read.
std::optional<std::string> read_control(const std::string& path);

/// Writes the text at once, as the kernel wants it. Returns an errno, or 0.
int write_control(const std::string& path, std::string_view text);

/// "4096\n". Nothing if it is no number, as "max" is.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// The number behind `key` in lines of "key number".
std::optional<std::uint64_t> parse_keyed_count(std::string_view text, std::string_view key);

std::optional<std::uint64_t> read_count(const std::string& path);
std::optional<std::uint64_t> read_keyed_count(const std::string& path, std::string_view key);

/// The processes of a group, from its cgroup.procs; none if it is gone.
std::vector<pid_t> read_processes(const std::string& folder);

}  // namespace mabeam::supervisor

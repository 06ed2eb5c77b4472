// What is said, and with which exit code, when a segment cannot be created or taken over.
#pragma once

#include "supervisor/exit_code.hpp"

#include "mabeam/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mabeam::supervisor {

/// "46.0 MiB": for a person.
std::string megabytes(std::uint64_t bytes);

/// The supervisor `pid` runs that runtime in a segment whose name somebody has removed, or given
/// away.
Refusal refusal_of_nameless(std::string_view runtime, pid_t pid);

/// A segment that could not be created.
Refusal refusal_of_create(Error error, std::string_view runtime, std::uint64_t needed_bytes);

/// A segment that is there and could not be taken over.
Refusal refusal_of_take_over(Error error, std::string_view runtime);

/// A segment that was laid out by other settings.
Refusal refusal_of_layout(std::string_view runtime, const std::vector<std::string>& differences);

/// Bytes that /dev/shm has left.
std::uint64_t free_shared_memory() noexcept;

}  // namespace mabeam::supervisor

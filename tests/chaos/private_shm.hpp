// A /dev/shm of one's own: a small file system that only this process and its children see, and
// that may be filled without any harm to others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mabeam::tests {

/// Nothing if it is there, for the rest of this process's life; else why it cannot be.
std::optional<std::string> make_shm_private(std::uint64_t bytes);

/// Leaves not one page of it.
void fill_private_shm();
void empty_private_shm();

}  // namespace mabeam::tests

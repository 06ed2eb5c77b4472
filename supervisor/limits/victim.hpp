// Victim: which worker is ended when all together use more than the runtime may.
//
// The one that is furthest over its soft limit; if none is over one, the largest. Among equals, to
// the mebibyte, the newest: it has the least to lose. One at a time: what another would have to
// give up is known when the first is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace mabeam::supervisor {

struct MemoryUser {
  std::uint32_t worker = 0;
  std::uint64_t used = 0;
  std::uint64_t soft = 0;  ///< 0: none
  std::int64_t started_ns = 0;
};

/// Nothing if there is nobody.
std::optional<std::uint32_t> choose_victim(std::span<const MemoryUser> users);

}  // namespace mabeam::supervisor

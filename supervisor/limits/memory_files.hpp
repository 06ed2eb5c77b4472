// MemoryFiles: how memory is limited and measured in a control group, for each of the two versions.
//
// What is used is what cannot be taken away: all that is charged but for pages of files, which the
// kernel gives back before it kills anybody. Swap is no way round a limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mabeam::supervisor {

struct MemoryFiles {
  /// Makes ready the group of one worker, which dies as a whole where the kernel can do that.
  void (*bind)(const std::string& folder);
  /// Sets the limit; 0: none. Returns an errno, or 0; EBUSY: more than that is in use.
  int (*set_limit)(const std::string& folder, std::uint64_t bytes);
  /// Bytes in use; nothing if that cannot be told.
  std::optional<std::uint64_t> (*used)(const std::string& folder);
  /// How many processes of the group the kernel has killed for its limit since it was made.
  std::optional<std::uint64_t> (*kills)(const std::string& folder);
  /// The file that there is if the group can limit memory.
  const char* limit_file;
};

extern const MemoryFiles kMemoryV1;
extern const MemoryFiles kMemoryV2;

}  // namespace mabeam::supervisor

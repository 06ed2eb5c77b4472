// LoadedModules: what is loaded into this process and where, looked up beforehand, so that a
// handler of a deadly signal can tell what an address belongs to.
#pragma once

#include "shm/backtraces.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace mabeam::worker {

struct LoadedModule {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t bias = 0;  ///< from the module's own addresses to those in memory
  shm::CrashModule named;
};

class LoadedModules {
 public:
  static constexpr std::size_t kMost = 64;

  /// Looks again. What is loaded later, and the 65th, is not known.
  void look();

  /// The module of which the address is; null: none that is known. Signal-safe.
  [[nodiscard]] const LoadedModule* find(std::uint64_t address) const noexcept;

 private:
  std::array<LoadedModule, kMost> modules_{};
  std::size_t count_ = 0;
};

}  // namespace mabeam::worker

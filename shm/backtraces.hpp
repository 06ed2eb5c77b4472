// Backtraces: what a worker writes of itself when a signal kills it (worker/crash.hpp), the newest
// over the oldest (sealed_slots.hpp).
//
// A frame is an address in a module's own numbers, and which module: with the module's path and
// build id a reader finds the function long after, wherever the module was loaded.
#pragma once

#include "shm/sealed_slots.hpp"

#include "mabeam/post_mortem.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace mabeam::shm {

class Symbols;

using BacktraceSlots = SealedSlots<4096>;

inline constexpr std::size_t kMostFrames = 64;
inline constexpr std::size_t kMostModules = 12;
inline constexpr std::uint64_t kNoModule = 0xFFFF;

/// A program or shared object of which a frame is.
struct CrashModule {
  std::array<char, 256> path{};  ///< ends with 0; cut if it is longer
  std::array<std::uint8_t, 20> build_id{};
  std::uint32_t build_id_bytes = 0;
  std::uint64_t reserved = 0;
};

/// What is in a record's words.
struct CrashRecord {
  std::int64_t unix_ns = 0;
  std::int64_t monotonic_ns = 0;
  std::uint32_t pid = 0;
  std::uint32_t worker = 0;
  std::uint32_t incarnation = 0;
  std::int32_t signal = 0;
  std::int32_t code = 0;
  std::uint32_t is_whole = 0;  ///< 0: it died again while it walked its frames
  std::uint64_t fault_address = 0;
  std::uint64_t agent = 0;
  std::uint32_t symbol = 0;
  std::uint32_t frame_count = 0;
  std::uint32_t module_count = 0;
  std::uint32_t reserved = 0;
  std::array<std::uint64_t, kMostFrames> frames{};  ///< module (16 bits) above its address (48)
  std::array<CrashModule, kMostModules> modules{};
  std::array<std::uint64_t, 5> spare{};
};

static_assert(sizeof(CrashModule) == 288);
static_assert(sizeof(CrashRecord) == sizeof(BacktraceSlots::Record));
static_assert(std::is_trivially_copyable_v<CrashRecord>);

struct BacktracesLeft {
  std::vector<BacktraceView> backtraces;  ///< oldest first
  std::uint64_t damaged = 0;
};

/// Everything that is whole. `region` is only read.
BacktracesLeft read_backtraces(std::span<std::byte> region, const Symbols& symbols);

}  // namespace mabeam::shm

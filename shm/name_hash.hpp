// The hash of names: of symbols, and of agents, whose shard it decides. Every build has the same
// one.
//
// wyhash's way (Wang Yi, public domain): two words a step, each pair folded by a wide product.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mabeam::shm {

namespace name_hash {

inline constexpr std::uint64_t kSecret0 = 0xA0761D6478BD642F;
inline constexpr std::uint64_t kSecret1 = 0xE7037ED1A0B428DB;

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

template <class Int>
std::uint64_t load(const char* at) noexcept {
  Int value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace name_hash

/// Stable: the index of names in the segment is built on it.
inline std::uint64_t hash_name(std::string_view text) noexcept {
  using name_hash::fold;
  using name_hash::kSecret1;
  using name_hash::load;
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = name_hash::kSecret0;
  for (; left > 16; left -= 16, at += 16)
    hash = fold(load<std::uint64_t>(at) ^ kSecret1, load<std::uint64_t>(at + 8) ^ hash);
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  if (left >= 8) {  // the two may overlap
    low = load<std::uint64_t>(at);
    high = load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    low = load<std::uint32_t>(at);
    high = load<std::uint32_t>(at + left - 4);
  } else {
    for (; left > 0; --left)
      low = low << 8U | static_cast<unsigned char>(*at++);
  }
  return fold(kSecret1 ^ text.size(), fold(low ^ kSecret1, high ^ hash));
}

}  // namespace mabeam::shm

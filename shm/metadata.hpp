// Metadata: a short text that is noted of an agent, beside its state. One pool of records a shard,
// written only by the shard's owner; an agent that has none costs the word that would name one.
//
//      0        1                                256
//      +--------+---------------------------------+
//      | length | text: up to 255 bytes, no zeros |
//      +--------+---------------------------------+
//
//      AgentProfile::metadata, a word of the redo list:
//      63             32 31              0
//      +----------------+----------------+
//      |     serial     |   record + 1   |   the lower half 0: it has none
//      +----------------+----------------+
//
// Invariants
//   (1) A record is in use if the slot of an agent that lives names it, and one alone does. So an
//       agent's record is free by the very store that ends it; which are free is derived.
//   (2) A record in use is never written. An update fills a free one, and commits the word that
//       names it. That of a new agent is stored while its slot is free.
//   (3) The serial is raised by every update, so who reads the same word before and after has read
//       one text, though a record may serve again.
#pragma once

#include "shm/words.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mabeam::shm {

class AgentTable;

inline constexpr std::size_t kMaxMetadataBytes = 255;

struct MetadataRecord {
  std::uint8_t length;
  std::array<char, kMaxMetadataBytes> text;

  [[nodiscard]] std::string_view view() const { return {text.data(), length}; }
};

static_assert(sizeof(MetadataRecord) == 256 && offsetof(MetadataRecord, text) == 1);

using MetadataTable = std::span<MetadataRecord>;

struct MetadataWord {
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  std::uint32_t serial = 0;
  std::uint32_t record = kNone;

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{serial} << 32U | (record + 1);
  }

  static constexpr MetadataWord unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint32_t>(word) - 1};
  }
};

/// True for what may be noted of an agent: up to 255 bytes, none of them 0. Empty is none.
constexpr bool is_metadata(std::string_view text) {
  return text.size() <= kMaxMetadataBytes && text.find('\0') == std::string_view::npos;
}

/// A whole copy of what is noted of the agent in a slot; empty if it has none, if the word that
/// names it is damaged, or if it kept changing. `slot` below agents.size().
std::string read_metadata(const AgentTable& agents, MetadataTable records, std::uint32_t slot);

}  // namespace mabeam::shm

// Symbols: interned names, the same 32-bit id for every process. Append-only.
//
//      slots: one word each                      text: bytes, appended by fetch_add
//      63            32 31     24 23          0
//      +---------------+---------+-------------+      +------------------------------
//      |    offset     | length  |  hash tag   | ---> | pkg.libs  pkg.utils  counter
//      +---------------+---------+-------------+      +------------------------------
//
// A symbol's id is kFirstSymbol plus the index of its slot, found by open addressing from its hash.
//
// Invariants
//   (1) The text is written first, then one compare-exchange of the slot's word publishes it. Who
//       dies in between, or loses the race, leaks the text's bytes and blocks nobody.
//   (2) A slot once published never changes, so an id may be kept for ever.
//   (3) A reader checks offset and length against the text region before it looks.
//
// Ordering: NAME  the compare-exchange (release) -> load of the slot (acquire): the text's bytes.
#pragma once

#include "shm/name_hash.hpp"
#include "shm/words.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mabeam::shm {

/// Ids below this are Content values, the same in every runtime.
inline constexpr std::uint32_t kFirstSymbol = 16;

struct SymbolsHeader {
  alignas(kLinePair) Word text_used;  ///< may pass the text's size: then the table is full
};

/// The table, for any number of processes and threads at once.
class Symbols {
 public:
  Symbols() = default;
  /// `region` is SymbolsHeader, then `slots` words, then the text; `slots` is a power of two.
  Symbols(std::span<std::byte> region, std::uint32_t slots);

  static std::uint64_t bytes_for(std::uint32_t slots, std::uint32_t text_bytes) {
    return sizeof(SymbolsHeader) + std::uint64_t{slots} * sizeof(Word) + text_bytes;
  }

  /// The id of `text`, made if it is new. 1 to 255 bytes.
  /// Errors: invalid_argument (its length), symbols_full (no slot or no text left).
  Result<Symbol> intern(std::string_view text) noexcept;

  /// The id of `text` if it has one, else Symbol::none.
  [[nodiscard]] Symbol find(std::string_view text) const noexcept;

  /// The text of an id; empty for an id that nobody made, or that damage points elsewhere.
  [[nodiscard]] std::string_view text(Symbol symbol) const noexcept;

  [[nodiscard]] std::uint32_t capacity() const noexcept { return mask_ + 1; }

  /// The room for the texts, and how much of it is taken: never more than all of it.
  [[nodiscard]] std::uint64_t text_bytes() const noexcept { return text_.size(); }

  [[nodiscard]] std::uint64_t text_used() const noexcept;

  /// How many slots are taken; walks the table.
  [[nodiscard]] std::uint32_t count() const noexcept;
  /// How many taken slots point outside the text or do not match their hash; walks the table.
  [[nodiscard]] std::uint32_t damaged() const noexcept;

 private:
  struct Probe {
    std::uint32_t index = 0;
    bool found = false;
    bool has_room = false;
  };

  [[nodiscard]] Probe probe(std::string_view text, std::uint64_t hash) const noexcept;
  [[nodiscard]] std::string_view text_of(std::uint64_t word) const noexcept;

  SymbolsHeader* header_ = nullptr;
  Word* slots_ = nullptr;
  std::span<char> text_;
  std::uint32_t mask_ = 0;
};

}  // namespace mabeam::shm

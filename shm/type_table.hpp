// TypeTable: the agent types that workers know, so that tools can list them: state, actions,
// module. Append-only, as the symbols are (symbols.hpp): a list for people, on which no message
// depends. The rates of types are kept by its slots; a type that found none is held to none.
//
//      slots: two words each                          facts: bytes, appended by fetch_add
//      +---------------+--------------------------+      +------------------------------------
//      | name: Symbol  | info: offset 32, size 32 | ---> | what encode() has made of a type
//      +---------------+--------------------------+      +------------------------------------
//
// Invariants
//   (1) A slot's name is stored by one compare-exchange and never changes.
//   (2) Facts are written first, then one compare-exchange of info publishes them. Who dies in
//       between, or loses the race, leaks the bytes and blocks nobody.
//   (3) A reloaded module with other facts replaces info by one word; published bytes never change.
//       What every worker publishes alike is there once.
//   (4) A reader checks offset and size against the region before it looks.
//
// Ordering: FACTS  the compare-exchange of info (release) -> load of info (acquire): the bytes.
#pragma once

#include "shm/words.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::shm {

/// What a worker tells of a type.
struct TypeFacts {
  std::uint32_t state_bytes = 0;  ///< 0 where it is serialized
  std::uint32_t state_version = 0;
  bool can_describe = false;   ///< its state can be asked for as JSON
  bool is_serialized = false;  ///< its state is as long as serialize() makes it
  bool is_durable = true;      ///< its state outlives its worker
  std::string module;          ///< the shared object's path; empty: built in
  std::vector<std::pair<std::string, std::string>> actions;  ///< name, description

  friend bool operator==(const TypeFacts&, const TypeFacts&) = default;
};

class TypeTable {
 public:
  static constexpr std::uint32_t kSlots = 256;
  static constexpr std::uint64_t kFactBytes = 32U << 10U;

  struct Slot {
    Word name;
    Word info;
  };

  struct Header {
    alignas(kLinePair) Word used;  ///< of the facts; may pass their size: then they are full
    alignas(kLinePair) std::array<Slot, kSlots> slots;
  };

  static constexpr std::uint64_t kBytes = sizeof(Header) + kFactBytes;

  TypeTable() = default;

  /// `region` is of kBytes.
  explicit TypeTable(std::span<std::byte> region)
      : header_(reinterpret_cast<Header*>(region.data())),
        facts_(region.subspan(sizeof(Header))) {}

  /// Enters a type, or replaces what is told of it. Errors: symbols_full (no slot or no room left).
  Result<> publish(Symbol name, const TypeFacts& facts) const;

  /// The slot of a type that a worker has told of. Nothing if there is none.
  [[nodiscard]] std::optional<std::uint32_t> find(Symbol name) const noexcept;
  /// The name in a slot, `index` below kSlots; Symbol::none for a free one.
  [[nodiscard]] Symbol name(std::uint32_t index) const noexcept;
  /// What is told of the type in a slot. Nothing before it is published, and for damage.
  [[nodiscard]] std::optional<TypeFacts> facts(std::uint32_t index) const;
  /// True if a slot has been given facts.
  [[nodiscard]] bool has_facts(std::uint32_t index) const noexcept;

 private:
  [[nodiscard]] Slot* slot_of(Symbol name) const noexcept;
  [[nodiscard]] std::optional<std::string_view> text_of(std::uint64_t info) const noexcept;

  Header* header_ = nullptr;
  std::span<std::byte> facts_;
};

static_assert(sizeof(TypeTable::Header) == 128 + 256 * 16);

}  // namespace mabeam::shm

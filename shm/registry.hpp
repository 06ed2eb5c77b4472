// Registry: where agents are found. One partition a shard, written only by the shard's owner in its
// turns, read by everyone.
//
// One agent is a record of one line, which every message for it reads; a profile, which few do; and
// its state, two halves in a region of their own:
//
//      0 +------------------+------------------+
//        |    slot_word     |     version      |  words of the redo list
//     16 +--------+---------+------------------+
//        | type   | bytes   | counts, storage  |  written while the slot is free, then constant
//     32 +--------+---------+------------------+
//        | name: the first 32 bytes            |  so most names are compared in this line
//     64 +-------------------------------------+
//
//      0 +-------------------------------------+
//        | name: 31 bytes more and a zero      |  written while the slot is free, then constant
//     32 +------------------+------------------+
//        |     parent       | created_unix_ns  |
//     48 +------------------+------------------+
//        | capabilities: 8 x u32               |
//     80 +------------------+------------------+
//        |     metadata     |                     a word of the redo list (metadata.hpp)
//     88 +------------------+
//
//      version even: half 0 is current    odd: half 1 is current
//      0               4       8         16         20         22       24        32
//      +---------------+-------+---------+----------+----------+--------+---------+-----------+
//      | state_version | bytes | handled | failures | restarts | reason |  since  | state ... |
//      +---------------+-------+---------+----------+----------+--------+---------+-----------+
//
// Invariants
//   (1) A record's constant fields change only while its slot word says free, and the word that
//       ends that is stored after them. Readers copy, then look at the slot word again.
//   (2) The current half is never written. A turn writes the other one and commits version + 1.
//   (3) Neither half holds more state than state_bytes, which an upgrade raises before its turn
//       commits: it bounds what is copied, StateHeader::bytes says what there is.
//   (4) The generation is raised whenever a slot is given out, so a stale id matches nothing.
//
// The index of names is open addressing over one word an entry: the hash's upper half and slot + 1.
// A removed entry becomes kTombstone, so that a probe goes on behind it.
#pragma once

#include "shm/words.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/observer.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace mabeam::shm {

inline constexpr std::size_t kNameRoom = 64;

/// A bit of AgentRecord::storage: the state is what serialize() makes of it, as long as its half
/// says. Without it, the state is the type's struct, as long as the record says.
inline constexpr std::uint16_t kSerialized = 1;
/// The state is in its worker's memory, and so are its counters: its halves hold none, and tell
/// only why it is suspended.
inline constexpr std::uint16_t kTransient = 2;
inline constexpr std::uint16_t kStorageBits = kSerialized | kTransient;

struct AgentRecord {
  alignas(64) Word slot_word;  ///< SlotWord
  Word version;
  Symbol type;
  std::uint32_t state_bytes;  ///< of the largest state that it has had; 0 where it is serialized
  std::uint8_t name_length;
  std::uint8_t capability_count;
  std::uint16_t storage;  ///< how its state is kept: kSerialized, kTransient
  std::uint32_t reserved;
  std::array<char, kNameRoom / 2> name_head;
};

static_assert(sizeof(AgentRecord) == 64 && offsetof(AgentRecord, name_head) == 32);
static_assert(offsetof(AgentRecord, storage) == 26);

struct AgentProfile {
  std::array<char, kNameRoom / 2> name_tail;
  std::uint64_t parent;
  std::int64_t created_unix_ns;
  std::array<Symbol, 8> capabilities;
  Word metadata;  ///< MetadataWord
};

static_assert(sizeof(AgentProfile) == 88 && offsetof(AgentProfile, parent) == 32);
static_assert(offsetof(AgentProfile, metadata) == 80);

/// What a turn may change of an agent beside its state: both are in the half that it writes.
struct StateHeader {
  std::uint32_t state_version = 0;
  std::uint32_t bytes = 0;
  std::uint64_t handled = 0;   ///< messages and events
  std::uint32_t failures = 0;  ///< of those, how many failed
  std::uint16_t restarts =
      0;                     ///< by its type's on_failure, within the period that began at since_ns
  std::uint16_t reason = 0;  ///< Errc: why it is suspended, else 0
  std::int64_t since_ns = 0;
};

static_assert(sizeof(StateHeader) == 32);

/// Bytes from one half to the next. Agents of one shard may share a line: it has one writer.
constexpr std::uint64_t half_stride(std::uint32_t max_state_bytes) {
  return align_up(sizeof(StateHeader) + max_state_bytes, 32);
}

inline constexpr std::uint64_t kTombstone = 0xFFFFFFFF;

/// One entry of the index of names.
struct NameWord {
  std::uint32_t hash = 0;
  std::uint32_t slot = 0;

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{hash} << 32U | (slot + 1);
  }
};

/// A copy of one agent's facts, taken whole.
struct AgentFacts {
  SlotWord slot_word;
  std::uint64_t version = 0;
  Symbol type{};
  std::uint32_t state_bytes = 0;
  std::uint64_t parent = 0;
  std::uint64_t handled = 0;
  std::uint16_t reason = 0;  ///< Errc: why it is suspended
  std::array<char, kNameRoom> name{};
  std::uint8_t name_length = 0;
  std::uint8_t capability_count = 0;
  std::array<Symbol, 8> capabilities{};

  [[nodiscard]] Lifecycle lifecycle() const { return static_cast<Lifecycle>(slot_word.lifecycle); }

  [[nodiscard]] std::string_view name_text() const {
    return {name.data(), name_length < kNameRoom ? name_length : kNameRoom - 1};
  }
};

/// One shard's partition: views only, cheap to copy.
class AgentTable {
 public:
  AgentTable() = default;

  /// `profiles` as many as `records`.
  AgentTable(std::span<AgentRecord> records, AgentProfile* profiles, std::span<std::byte> states,
             std::span<Word> names, std::uint32_t max_state_bytes)
      : records_(records),
        profiles_(profiles),
        states_(states),
        names_(names),
        stride_(half_stride(max_state_bytes)) {}

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(records_.size()); }

  [[nodiscard]] std::uint32_t name_slots() const {
    return static_cast<std::uint32_t>(names_.size());
  }

  [[nodiscard]] std::uint64_t max_state_bytes() const { return stride_ - sizeof(StateHeader); }

  /// `slot` below size().
  [[nodiscard]] AgentRecord& record(std::uint32_t slot) const { return records_[slot]; }

  /// `slot` below size().
  [[nodiscard]] AgentProfile& profile(std::uint32_t slot) const { return profiles_[slot]; }

  /// Both parts of its name. `slot` below size().
  [[nodiscard]] std::array<char, kNameRoom> name(std::uint32_t slot) const;
  /// Names the agent of a slot that is free: up to 63 bytes.
  void write_name(std::uint32_t slot, std::string_view name) const;

  [[nodiscard]] Word& name_word(std::uint32_t index) const { return names_[index]; }

  /// The half that a version makes current: header and state. `slot` below size().
  [[nodiscard]] std::byte* half(std::uint32_t slot, std::uint64_t version) const {
    return states_.data() + (std::uint64_t{slot} * 2 + (version & 1U)) * stride_;
  }

  /// True if the slot holds a living agent of that generation: one that takes messages.
  [[nodiscard]] bool is_alive(AgentId id) const {
    if (id.slot() >= size()) return false;
    return is_alive(record(id.slot()), id);
  }

  /// The same, for its record.
  [[nodiscard]] static bool is_alive(const AgentRecord& agent, AgentId id) {
    const SlotWord word = SlotWord::unpack(agent.slot_word.load(std::memory_order_acquire));
    return word.generation == id.generation() && word.lifecycle != 0 &&
           word.lifecycle != static_cast<std::uint8_t>(Lifecycle::terminating);
  }

  /// The same, and true for one that is being ended.
  [[nodiscard]] bool exists(AgentId id) const { return is_alive(id) || is_terminating(id); }

  /// True if that agent is being ended: it takes no messages, and its slot is not free yet.
  [[nodiscard]] bool is_terminating(AgentId id) const {
    if (id.slot() >= size()) return false;
    const SlotWord word =
        SlotWord::unpack(record(id.slot()).slot_word.load(std::memory_order_acquire));
    return word.generation == id.generation() &&
           word.lifecycle == static_cast<std::uint8_t>(Lifecycle::terminating);
  }

  /// True if the slot holds that agent, and it takes messages.
  [[nodiscard]] bool is_ready(AgentId id) const {
    return id.slot() < size() && record(id.slot()).slot_word.load(std::memory_order_acquire) ==
                                     SlotWord{id.generation(), kReady}.pack();
  }

  /// The lifecycle of that agent; free if it is gone.
  [[nodiscard]] Lifecycle lifecycle_of(AgentId id) const {
    if (!is_alive(id)) return Lifecycle::free;
    const std::uint64_t word = record(id.slot()).slot_word.load(std::memory_order_acquire);
    return static_cast<Lifecycle>(SlotWord::unpack(word).lifecycle);
  }

  /// A whole copy of a slot's facts, or nothing if it kept changing.
  [[nodiscard]] std::optional<AgentFacts> snapshot(std::uint32_t slot) const;

  /// An agent found by its name, and the slot word under which it had it.
  struct Named {
    std::uint32_t slot = 0;
    SlotWord slot_word;
  };

  /// The agent of that name, which hash_name() made `hash` of.
  [[nodiscard]] std::optional<Named> find_name(std::string_view name, std::uint64_t hash) const;
  /// The slot of the agent of that name.
  [[nodiscard]] std::optional<std::uint32_t> find_name(std::string_view name) const;

  /// Where a name would be entered, and the index of the entry that has it. For the owner.
  struct NamePlace {
    std::optional<std::uint32_t> free;   ///< the first entry that may be written
    std::optional<std::uint32_t> taken;  ///< the entry of the living agent of that name
  };

  [[nodiscard]] NamePlace place_name(std::string_view name) const;

 private:
  static constexpr auto kReady = static_cast<std::uint8_t>(Lifecycle::ready);

  [[nodiscard]] bool has_name(std::uint32_t slot, std::string_view name) const;
  [[nodiscard]] std::optional<SlotWord> owner_of_name(std::uint32_t slot,
                                                      std::string_view name) const;

  std::span<AgentRecord> records_;
  AgentProfile* profiles_ = nullptr;
  std::span<std::byte> states_;
  std::span<Word> names_;
  std::uint64_t stride_ = 0;
};

/// Which shard decides whether a name is taken: 0 to shards - 1.
std::uint32_t shard_of_name(std::string_view name, std::uint32_t shards);

/// The same, for a name whose hash is known.
constexpr std::uint32_t shard_of_hash(std::uint64_t hash, std::uint32_t shards) {
  return static_cast<std::uint32_t>((hash & 0xFFFFFFFFU) % shards);
}

/// True for what an agent may be called. 16 hexadecimal digits would hide the agent of that id.
bool is_agent_name(std::string_view name);

}  // namespace mabeam::shm

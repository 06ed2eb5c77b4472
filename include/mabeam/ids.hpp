// AgentId, Symbol, EndpointId: the strong types by which things are named.
//
// An AgentId is one word, so it travels in a register and is compared as an integer:
//
//      63        56 55                32 31                            0
//      +-----------+--------------------+-------------------------------+
//      | endpoint  |        slot        |          generation           |
//      +-----------+--------------------+-------------------------------+
//
// The generation changes whenever a slot is given to another agent, so a stale id is not_found and
// never another agent. A client has an id too, so that it can be replied to: its slot is
// kClientSlot and the generation is its endpoint's.
#pragma once

#include "mabeam/export.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mabeam {

/// An endpoint's index: 0 is the supervisor, then the shards, then the clients. 0 to 255.
enum class EndpointId : std::uint8_t {};

/// An interned name: a topic, signal type, action, agent type or capability. 0 is no symbol.
enum class Symbol : std::uint32_t { none = 0 };

/// A timer that an agent has set; it may be kept in State. No other timer ever has the same.
enum class TimerId : std::uint64_t { none = 0 };

/// Which agent, or which client. The value 0 is nobody.
class AgentId {
 public:
  static constexpr std::uint32_t kClientSlot = 0xFFFFFF;

  constexpr AgentId() = default;

  constexpr explicit AgentId(std::uint64_t value) : value_(value) {}

  constexpr AgentId(EndpointId endpoint, std::uint32_t slot, std::uint32_t generation)
      : value_((std::uint64_t{static_cast<std::uint8_t>(endpoint)} << 56U) |
               (std::uint64_t{slot & kClientSlot} << 32U) | generation) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  [[nodiscard]] constexpr EndpointId endpoint() const {
    return static_cast<EndpointId>(value_ >> 56U);
  }

  [[nodiscard]] constexpr std::uint32_t slot() const {
    return static_cast<std::uint32_t>(value_ >> 32U) & kClientSlot;
  }

  [[nodiscard]] constexpr std::uint32_t generation() const {
    return static_cast<std::uint32_t>(value_);
  }

  [[nodiscard]] constexpr bool is_client() const { return slot() == kClientSlot; }

  constexpr explicit operator bool() const { return value_ != 0; }

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a rewritten < for one.
  friend constexpr auto operator<=>(AgentId, AgentId) = default;

 private:
  std::uint64_t value_ = 0;
};

/// Which dead letter: its shard's endpoint (8 bits) above its number in that shard's log.
class DeadLetterId {
 public:
  static constexpr std::uint64_t kLargestNumber = (std::uint64_t{1} << 56U) - 1;

  constexpr DeadLetterId() = default;

  constexpr explicit DeadLetterId(std::uint64_t value) : value_(value) {}

  constexpr DeadLetterId(EndpointId endpoint, std::uint64_t number)
      : value_((std::uint64_t{static_cast<std::uint8_t>(endpoint)} << 56U) |
               (number & kLargestNumber)) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  [[nodiscard]] constexpr EndpointId endpoint() const {
    return static_cast<EndpointId>(value_ >> 56U);
  }

  [[nodiscard]] constexpr std::uint64_t number() const { return value_ & kLargestNumber; }

  friend constexpr auto operator<=>(DeadLetterId, DeadLetterId) = default;

 private:
  std::uint64_t value_ = 0;
};

MABEAM_API std::string to_string(DeadLetterId id);

/// The id that 16 hexadecimal digits name; nothing if the text is anything else.
MABEAM_API std::optional<DeadLetterId> parse_dead_letter_id(std::string_view text);

/// 16 hexadecimal digits, as every tool prints and accepts an id.
MABEAM_API std::string to_string(AgentId id);

/// The id that 16 hexadecimal digits name; nothing if the text is anything else.
MABEAM_API std::optional<AgentId> parse_agent_id(std::string_view text);

}  // namespace mabeam

template <>
struct std::hash<mabeam::AgentId> {
  std::size_t operator()(mabeam::AgentId id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value());
  }
};

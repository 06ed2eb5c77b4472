// How a type's State becomes the bytes that outlive its process, and is made of them again.
//
//   trivially copyable   the bytes are the State: handlers work on them where they lie
//   anything else        is kept as what serialize() makes of it, up to max_state_bytes:
//
//   static Result<std::size_t> serialize(const State&, std::span<std::byte> room)
//       writes into `room` and returns how much; state_too_large where it does not fit. Or simply
//   static R serialize(const State&)
//       returns text or a vector of bytes, which is copied.
//   static Result<State> deserialize(std::span<const std::byte>)
//
// A trivially copyable State may have both, too, and is then kept serialized. The State lives as
// long as one handler's call; it is serialized when that has returned without an error. What
// deserialize() refuses fails the message with state_unreadable, what does not fit with
// state_too_large; either way the agent keeps the state that it had.
#pragma once

#include "mabeam/result.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>
#include <type_traits>

namespace mabeam::glue {

struct NoState {};

template <class T>
struct StateOf {
  using Type = NoState;
};

template <class T>
requires requires {
  typename T::State;
}

struct StateOf<T> {
  using Type = typename T::State;
};

template <class T>
using State = typename StateOf<T>::Type;

template <class T>
concept SerializesIntoRoom = requires(const State<T>& state, std::span<std::byte> room) {
  { T::serialize(state, room) } -> std::same_as<Result<std::size_t>>;
};

template <class T>
concept SerializesIntoBytes = requires(const State<T>& state) {
  requires sizeof(*std::data(T::serialize(state))) == 1;
  { std::size(T::serialize(state)) } -> std::convertible_to<std::size_t>;
};

template <class T>
concept Deserializes = requires(std::span<const std::byte> bytes) {
  { T::deserialize(bytes) } -> std::same_as<Result<State<T>>>;
};

/// Kept as what its type makes of it; any other State is kept as it is.
template <class T>
concept Serialized = (SerializesIntoRoom<T> || SerializesIntoBytes<T>)&&Deserializes<T>;

/// Writes a state's bytes into `room`; returns how many. Errors: state_too_large, and what
/// serialize() returns.
template <class T>
Result<std::size_t> save_state(const State<T>& state, std::span<std::byte> room) {
  if constexpr (!Serialized<T>) {
    if (room.size() < sizeof state) return fail(Errc::state_too_large);
    std::memcpy(room.data(), &state, sizeof state);
    return sizeof state;
  } else if constexpr (SerializesIntoRoom<T>) {
    const Result<std::size_t> written = T::serialize(state, room);
    if (written && *written > room.size()) return fail(Errc::state_too_large);
    return written;
  } else {
    const auto made = T::serialize(state);
    if (std::size(made) > room.size()) return fail(Errc::state_too_large);
    if (std::size(made) != 0) std::memcpy(room.data(), std::data(made), std::size(made));
    return std::size(made);
  }
}

/// Makes a state of its bytes. Errors: state_unreadable.
template <class T>
Result<State<T>> load_state(std::span<const std::byte> bytes) {
  if constexpr (Serialized<T>) {
    Result<State<T>> state = T::deserialize(bytes);
    if (!state) return fail(Errc::state_unreadable);
    return state;
  } else {
    std::array<std::byte, sizeof(State<T>)> copy;
    if (bytes.size() != copy.size()) return fail(Errc::state_unreadable);
    std::memcpy(copy.data(), bytes.data(), copy.size());
    return std::bit_cast<State<T>>(copy);
  }
}

/// A first state in `room`; returns its size. Errors: state_too_large, and what serialize()
/// returns.
template <class T>
Result<std::size_t> first_state(std::span<std::byte> room) {
  if constexpr (Serialized<T>) {
    return save_state<T>(State<T>{}, room);
  } else {
    if (room.size() < sizeof(State<T>)) return fail(Errc::state_too_large);
    std::construct_at(reinterpret_cast<State<T>*>(room.data()));
    return sizeof(State<T>);
  }
}

/// A state that somebody gives as bytes, in `room`; returns its size. Errors: schema_mismatch,
/// state_too_large, and what serialize() returns.
template <class T>
Result<std::size_t> given_state(std::span<const std::byte> given, std::span<std::byte> room) {
  if constexpr (Serialized<T>) {
    const Result<State<T>> state = T::deserialize(given);
    if (!state) return fail(Errc::schema_mismatch);
    return save_state<T>(*state, room);
  } else {
    if (given.size() != sizeof(State<T>)) return fail(Errc::schema_mismatch);
    if (room.size() < given.size()) return fail(Errc::state_too_large);
    std::memcpy(room.data(), given.data(), given.size());
    return given.size();
  }
}

template <class T>
constexpr void check_state() {
  static_assert(Serialized<T> || std::is_trivially_copyable_v<State<T>>,
                "a State that is not trivially copyable needs both static Result<std::size_t> "
                "serialize(const State&, std::span<std::byte>) (or one that returns bytes) and "
                "static Result<State> deserialize(std::span<const std::byte>)");
  static_assert((SerializesIntoRoom<T> || SerializesIntoBytes<T>) == Deserializes<T>,
                "serialize() and deserialize() come together");
  static_assert(Serialized<T> || alignof(State<T>) <= 16,
                "State may not be aligned to more than 16 bytes");
}

}  // namespace mabeam::glue

// Result<T>: what every fallible mabeam call returns instead of throwing.
//
//   Result<Client> client = Client::attach("prod");
//   if (!client) return fail(client.error());
//
// An error is 8 trivially copyable bytes. Result<> travels in one register and
// Result<std::uint64_t> in two, so both may be returned on the hot path. Words for people are made
// at the edge, by describe().
#pragma once

#include "mabeam/export.hpp"

#include <tl/expected.hpp>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mabeam {

/// Why a call was refused. The values are printed by tools and kept in dead letters: append, never
/// renumber.
enum class Errc : std::uint16_t {
  invalid_argument = 1,  ///< a checked precondition is broken; Error::subject is an Argument
  backpressure,          ///< the receiver's ring is full; retrying later may succeed
  circuit_open,          ///< a circuit breaker refuses calls; Error::subject: as rate_limited
  closed,                ///< the peer endpoint is gone for good
  corrupt,               ///< a value read from the segment failed its check
  incompatible,          ///< the segment was laid out by another build
  system,                ///< the kernel refused; Error::os holds errno
  not_found,             ///< no agent, type or runtime of that name or id
  unknown_action,        ///< the agent's type has no such action
  schema_mismatch,       ///< the payload is not of the type the handler expects
  message_too_large,     ///< a handler's or a batch's sends over a whole ring; what is no payload
                         ///< of an agent's over a quarter of one
  name_taken,            ///< an agent or a runtime of that name lives
  too_many_agents,       ///< max_agents, or the shard's table, is full; nothing was created
  too_many_clients,      ///< every client endpoint is in use
  symbols_full,          ///< the table of names has no room for another one
  subscriptions_full,    ///< the shard's subscription table has no room for another one
  timed_out,             ///< the deadline passed first
  handler_failed,        ///< the agent's handler returned an error or threw
  no_room,               ///< /dev/shm has less room than the segment needs
  bad_permissions,       ///< the segment has another owner, a loose mode or another pid namespace
  truncated,             ///< the segment's file is shorter than its header says
  byte_order,            ///< the segment was written on a machine of another byte order
  bad_topic,             ///< a topic or pattern is not well formed; Error::subject is the token
  not_running,           ///< the runtime is being built, stopped or removed
  in_use,                ///< another supervisor holds the runtime
  too_many_changes,      ///< one message created, stopped or subscribed more than it may
  unknown_type,          ///< no worker knows an agent type of that name
  state_too_large,       ///< the state is over max_state_bytes; it stays as it was
  timers_full,           ///< the shard's table of timers has no room for another one
  not_replayable,        ///< that dead letter may only be dropped: it is cut, or no agent's mail
  suspended,             ///< the agent is suspended; as a refusal: and no more messages can wait
  state_version,         ///< the agent's state is of a version that its type cannot bring up
  quarantined,        ///< the agent's upgrade or on_stop has killed its worker max_attempts times
  state_unreadable,   ///< the type's deserialize() refuses the state that the agent has
  metadata_full,      ///< the shard's pool of metadata has no room for another agent's
  payload_too_large,  ///< over [channels] block_bytes, or over 64 MiB
  interrupted,    ///< the coroutine that was to answer went with its worker, or its agent has ended
  over_limit,     ///< the worker is over its soft memory limit and takes no new agents
  rate_limited,   ///< a rate of [rates] is used up; Error::subject: retry after so many ms
  breakers_full,  ///< every named circuit breaker has another name
};

/// Which argument an invalid_argument is about, where the caller's own side has found it: an answer
/// carries its code alone. Append, never renumber.
enum class Argument : std::uint16_t {
  unknown = 0,
  runtime_name,   ///< 1 to 32 of a to z, 0 to 9, _ and -; the first is a letter or a digit
  agent_name,     ///< 1 to 63 bytes without control characters; not 16 hexadecimal digits
  symbol,         ///< of a type, an action, a signal, a capability, a topic: 1 to 255 bytes
  agent_count,    ///< 1 or more; 1 for an agent with a name
  capabilities,   ///< up to 8
  subscriptions,  ///< up to 16 with a create
  metadata,       ///< up to 255 bytes, none of them 0
};

/// One error: what, about which thing, and the kernel's reason if it had one.
struct [[nodiscard]] Error {
  Errc code;
  std::uint16_t subject = 0;  ///< the endpoint, region or token concerned; each Errc says which
  std::int32_t os = 0;        ///< errno when the kernel gave the reason, else 0

  friend bool operator==(const Error&, const Error&) = default;
};

static_assert(sizeof(Error) == 8 && std::is_trivially_copyable_v<Error>);

namespace detail {

/// A number, an id, a pointer, a span.
template <class T>
concept Small = std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T> &&
                sizeof(T) <= 2 * sizeof(std::uint64_t);

/// An Error or none, in whole words. tl::expected's flag is one byte: a caller that loads the word
/// around it waits until all earlier stores have left the processor, cache misses included (that
/// was half of the cost of a send).
class Status {
 public:
  constexpr Status() = default;

  constexpr explicit Status(Error error) : word_(std::bit_cast<std::uint64_t>(error)) {}

  [[nodiscard]] constexpr bool is_ok() const { return word_ == 0; }

  [[nodiscard]] constexpr Error error() const { return std::bit_cast<Error>(word_); }

  constexpr void check() const {
    if (!is_ok()) throw tl::bad_expected_access<Error>(error());
  }

 private:
  std::uint64_t word_ = 0;  // no Errc is 0
};

}  // namespace detail

/// A T or an Error: a tl::expected. That is not [[nodiscard]]; this one is, so that a forgotten
/// check is a compiler warning.
template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;

  // NOLINTNEXTLINE(google-explicit-constructor): what map() gives back is a plain tl::expected.
  constexpr Result(Base base) : Base(std::move(base)) {}
};

/// The same calls, for nothing or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;  // NOLINT(readability-identifier-naming): as std::expected

  constexpr Result() = default;

  // NOLINTNEXTLINE(google-explicit-constructor): `return fail(...)`.
  constexpr Result(tl::unexpected<Error> error) : status_(error.value()) {}

  [[nodiscard]] constexpr bool has_value() const { return status_.is_ok(); }

  constexpr explicit operator bool() const { return status_.is_ok(); }

  /// Precondition: !has_value().
  [[nodiscard]] constexpr Error error() const { return status_.error(); }

  /// Throws tl::bad_expected_access<Error> unless has_value().
  constexpr void value() const { status_.check(); }

 private:
  detail::Status status_;
};

/// The same calls, for what is small, or an Error.
template <detail::Small T>
class [[nodiscard]] Result<T> {
 public:
  using value_type = T;  // NOLINT(readability-identifier-naming): as std::expected

  constexpr Result() = default;

  // NOLINTNEXTLINE(google-explicit-constructor): `return value;`.
  constexpr Result(T value) : value_(value) {}

  // NOLINTNEXTLINE(google-explicit-constructor): `return fail(...)`.
  constexpr Result(tl::unexpected<Error> error) : status_(error.value()) {}

  [[nodiscard]] constexpr bool has_value() const { return status_.is_ok(); }

  constexpr explicit operator bool() const { return status_.is_ok(); }

  /// Precondition of * and ->: has_value(); of error(): !has_value().
  [[nodiscard]] constexpr T& operator*() { return value_; }

  [[nodiscard]] constexpr const T& operator*() const { return value_; }

  [[nodiscard]] constexpr T* operator->() { return &value_; }

  [[nodiscard]] constexpr const T* operator->() const { return &value_; }

  [[nodiscard]] constexpr Error error() const { return status_.error(); }

  /// Throws tl::bad_expected_access<Error> unless has_value().
  [[nodiscard]] constexpr T value() const {
    status_.check();
    return value_;
  }

  [[nodiscard]] constexpr T value_or(T other) const { return has_value() ? value_ : other; }

  friend constexpr bool operator==(const Result& result, const T& value) {
    return result.has_value() && result.value_ == value;
  }

 private:
  detail::Status status_;
  T value_{};
};

/// The error branch: `return fail(Errc::closed);`.
constexpr tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(error);
}

constexpr tl::unexpected<Error> fail(Errc code, std::uint16_t subject = 0) {
  return fail(Error{code, subject, 0});
}

/// The error branch for an argument that is not allowed.
constexpr tl::unexpected<Error> fail(Argument argument) {
  return fail(Errc::invalid_argument, static_cast<std::uint16_t>(argument));
}

/// The error branch for a refusal of the kernel's.
constexpr tl::unexpected<Error> fail_system(int os_error, Errc code = Errc::system) {
  return fail(Error{code, 0, os_error});
}

/// The stable word for a code, as JSON documents carry it: "backpressure".
MABEAM_API std::string_view code_name(Errc code);

/// One sentence for a person: what happened and what to do next. Allocates; never on a hot path.
MABEAM_API std::string describe(Error error);

}  // namespace mabeam

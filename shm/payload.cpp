#include "mabeam/payload.hpp"

#include <charconv>
#include <cmath>
#include <optional>

namespace mabeam {
namespace {

/// A payload's eight bytes as they were sent; nothing if there are not eight.
template <class T>
std::optional<T> stored(std::span<const std::byte> bytes) {
  if (bytes.size() != sizeof(T)) return std::nullopt;
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// All of a text as a number: no space, no sign but '-', nothing behind it.
template <class T>
std::optional<T> parsed(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A whole number in the range of T, without loss. Both ends are exact as doubles.
template <class T>
std::optional<T> whole(double value) {
  constexpr double kEnd = std::is_signed_v<T> ? 0x1p63 : 0x1p64;
  constexpr double kBegin = std::is_signed_v<T> ? -0x1p63 : 0.0;
  if (!(value >= kBegin && value < kEnd) || std::trunc(value) != value) return std::nullopt;
  return static_cast<T>(value);
}

template <class To, class From>
std::optional<To> in_range(std::optional<From> value) {
  if (!value || !std::in_range<To>(*value)) return std::nullopt;
  return static_cast<To>(*value);
}

template <class T>
std::optional<T> to_integer(const Payload& payload) {
  switch (payload.content()) {
    case Content::i64:
      return in_range<T>(stored<std::int64_t>(payload.bytes()));
    case Content::u64:
      return in_range<T>(stored<std::uint64_t>(payload.bytes()));
    case Content::f64: {
      const auto value = stored<double>(payload.bytes());
      return value ? whole<T>(*value) : std::nullopt;
    }
    case Content::text:
    case Content::json:
      return parsed<T>(payload.text());
    default:
      return std::nullopt;
  }
}

/// An integer as a double, if it is still the same number.
template <class T>
std::optional<double> exact(std::optional<T> value) {
  if (!value) return std::nullopt;
  const auto result = static_cast<double>(*value);
  return whole<T>(result) == *value ? std::optional{result} : std::nullopt;
}

std::optional<double> to_double(const Payload& payload) {
  switch (payload.content()) {
    case Content::i64:
      return exact(stored<std::int64_t>(payload.bytes()));
    case Content::u64:
      return exact(stored<std::uint64_t>(payload.bytes()));
    case Content::f64:
      return stored<double>(payload.bytes());
    case Content::text:
    case Content::json: {
      const auto value = parsed<double>(payload.text());
      return value && std::isfinite(*value) ? value : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

template <class T>
Result<T> or_mismatch(std::optional<T> value) {
  if (!value) return fail(Errc::schema_mismatch);
  return *value;
}

}  // namespace

Result<std::int64_t> Payload::as_i64() const {
  return or_mismatch(to_integer<std::int64_t>(*this));
}

Result<std::uint64_t> Payload::as_u64() const {
  return or_mismatch(to_integer<std::uint64_t>(*this));
}

Result<double> Payload::as_double() const {
  return or_mismatch(to_double(*this));
}

}  // namespace mabeam

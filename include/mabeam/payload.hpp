// Payload and PayloadRef: the bytes a message carries, and what they are.
//
// A payload is bytes with a content word that tells their type. Numbers and text convert into each
// other where nothing is lost, since a person at a shell types `call counter increment 5` while a
// program sends an int64; any other difference is schema_mismatch, never a reinterpretation.
#pragma once

#include "mabeam/export.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mabeam {

/// What a payload's bytes are. Values from 16 on are symbols of user types.
enum class Content : std::uint32_t {
  none = 0,
  bytes = 1,
  text = 2,
  json = 3,
  i64 = 4,
  u64 = 5,
  f64 = 6
};

template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

template <class T>
concept PlainStruct = std::is_trivially_copyable_v<T> && std::is_class_v<T> &&
                      !std::convertible_to<const T&, std::string_view> &&
                      !std::convertible_to<const T&, std::span<const std::byte>>;

/// A received payload: a view that is valid during the handler call that got it.
class Payload {
 public:
  constexpr Payload() = default;

  constexpr Payload(std::span<const std::byte> bytes, Content content)
      : bytes_(bytes),
        content_(content) {}

  [[nodiscard]] constexpr std::span<const std::byte> bytes() const { return bytes_; }

  [[nodiscard]] constexpr Content content() const { return content_; }

  [[nodiscard]] constexpr bool empty() const { return bytes_.empty(); }

  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  /// The payload as a T: a number (converted from any number or from decimal text if it fits), or a
  /// trivially copyable struct of exactly this size. Errors: schema_mismatch.
  template <class T>
  requires Number<T> || PlainStruct<T>

  [[nodiscard]] Result<T> as() const {
    if constexpr (std::floating_point<T>) {
      const Result<double> value = as_double();
      if (!value) return fail(value.error());
      return static_cast<T>(*value);
    } else if constexpr (std::integral<T>) {
      return as_integer<T>();
    } else {
      if (content_ != Content::bytes || bytes_.size() != sizeof(T)) {
        return fail(Errc::schema_mismatch);
      }
      std::array<std::byte, sizeof(T)> copy;
      std::memcpy(copy.data(), bytes_.data(), sizeof(T));
      return std::bit_cast<T>(copy);
    }
  }

  /// As as(), but an empty payload is `fallback`. Errors: schema_mismatch.
  template <class T>
  requires Number<T> || PlainStruct<T>

  [[nodiscard]] Result<T> as_or(T fallback) const {
    if (empty()) return fallback;
    return as<T>();
  }

 private:
  template <class T>
  [[nodiscard]] Result<T> as_integer() const {
    if constexpr (std::is_signed_v<T>) {
      const Result<std::int64_t> value = as_i64();
      if (!value || !std::in_range<T>(*value)) return fail(Errc::schema_mismatch);
      return static_cast<T>(*value);
    } else {
      const Result<std::uint64_t> value = as_u64();
      if (!value || !std::in_range<T>(*value)) return fail(Errc::schema_mismatch);
      return static_cast<T>(*value);
    }
  }

  [[nodiscard]] MABEAM_API Result<std::int64_t> as_i64() const;
  [[nodiscard]] MABEAM_API Result<std::uint64_t> as_u64() const;
  [[nodiscard]] MABEAM_API Result<double> as_double() const;

  std::span<const std::byte> bytes_;
  Content content_ = Content::none;
};

/// A payload to send: made implicitly from text, bytes, a number or a trivially copyable struct.
/// Refers to its argument, except for numbers, which it holds; use it within the full expression.
class PayloadRef {
 public:
  constexpr PayloadRef() = default;

  // NOLINTBEGIN(google-explicit-constructor): send(to, "add", 5) is the point of this class.
  constexpr PayloadRef(Payload payload)
      : data_(payload.bytes().data()),
        size_(payload.bytes().size()),
        content_(payload.content()) {}

  constexpr PayloadRef(std::span<const std::byte> bytes)
      : data_(bytes.data()),
        size_(bytes.size()),
        content_(Content::bytes) {}

  template <class Text>
  requires std::convertible_to<const Text&, std::string_view>

  constexpr PayloadRef(const Text& text) : content_(Content::text) {
    const std::string_view view = text;
    data_ = view.data();
    size_ = view.size();
  }

  template <Number T>
  constexpr PayloadRef(T number) : size_(sizeof(std::uint64_t)),
                                   holds_number_(true) {
    if constexpr (std::floating_point<T>) {
      number_ = std::bit_cast<std::uint64_t>(static_cast<double>(number));
      content_ = Content::f64;
    } else if constexpr (std::is_signed_v<T>) {
      number_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
      content_ = Content::i64;
    } else {
      number_ = static_cast<std::uint64_t>(number);
      content_ = Content::u64;
    }
  }

  template <PlainStruct T>

  requires(!std::same_as<T, Payload> &&
           !std::same_as<T, PayloadRef>) constexpr PayloadRef(const T& value)
      : data_(&value),
        size_(sizeof(T)),
        content_(Content::bytes) {}

  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(holds_number_ ? &number_ : data_), size_};
  }

  [[nodiscard]] constexpr Content content() const { return content_; }

 private:
  const void* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t number_ = 0;
  Content content_ = Content::none;
  bool holds_number_ = false;
};

}  // namespace mabeam

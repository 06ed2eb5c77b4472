// LogField: one fact of a line of the log or of a record of the flight recorder, and how both read.
//
//   worker died  worker=2 pid=4711 cause="signal SIGSEGV"
#pragma once

#include "mabeam/post_mortem.hpp"

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mabeam::shm {

struct LogField {
  using Value = FactValue;

  template <std::signed_integral T>
  LogField(std::string_view name, T number) : key(name),
                                              value(std::int64_t{number}) {}

  template <std::unsigned_integral T>
  LogField(std::string_view name, T number) : key(name),
                                              value(std::uint64_t{number}) {}

  /// Is kept, and shown, to a tenth.
  LogField(std::string_view name, double number);

  template <std::convertible_to<std::string_view> T>
  LogField(std::string_view name, const T& text)
      : key(name),
        value(std::string{std::string_view{text}}) {}

  /// Of a record that was read.
  explicit LogField(const FactField& field) : key(field.key), value(field.value) {}

  std::string_view key;
  Value value;
};

/// Bytes of a message or a value that are shown: a line has to fit into PIPE_BUF.
inline constexpr std::size_t kShownBytes = 1024;

/// `text` as the inside of a JSON string: quotes, backslashes, control characters and bytes that
/// are not UTF-8 escaped; about kShownBytes of it.
std::string escape_json(std::string_view text);

/// A number as it stands, text in quotes where it needs them, or always.
void append_value(std::string& out, const LogField::Value& value, bool always_quotes);

/// The sentence and its fields, on one line.
std::string render_text(std::string_view message, std::span<const LogField> fields);

}  // namespace mabeam::shm

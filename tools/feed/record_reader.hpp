// RecordReader: an input as records, in one of the formats of `mabeam feed --format`.
//
// A reader holds one record at a time. A record that does not parse is handed out too, with its
// problem, and the reader goes on behind it.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/feed/line_source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mabeam::tools {

struct Record {
  std::string text;        ///< as it stands in the input, without the last line's end
  std::uint64_t line = 0;  ///< its first line, or the line that has the problem
  std::string problem;     ///< why it is no record; empty when it is one
};

class RecordReader {
 public:
  explicit RecordReader(LineSource& lines) : lines_(lines) {}

  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;
  virtual ~RecordReader() = default;

  /// The next record; nothing at the end of the input and after a read error.
  virtual std::optional<Record> next() = 0;
  /// A field of the record last read; nothing if it has no such field.
  [[nodiscard]] virtual std::optional<std::string> field(std::string_view name) const = 0;

  /// Why no record can have a field of that name; empty if one can.
  [[nodiscard]] virtual std::string fault_in_field_name(std::string_view /*name*/) const {
    return {};
  }

 protected:
  [[nodiscard]] LineSource& lines() const { return lines_; }

  /// "longer than 1048576 bytes".
  [[nodiscard]] std::string too_long() const;

 private:
  LineSource& lines_;
};

/// One line is one record. Fields: {1}, {2}... are its words, {line} is all of it.
std::unique_ptr<RecordReader> make_line_reader(LineSource& lines);
/// One line is one JSON object. Fields: its keys, where the value is a string, a number or a
/// boolean. Empty lines are passed over.
std::unique_ptr<RecordReader> make_ndjson_reader(LineSource& lines);
/// One paragraph is one record, as in Debian's control files: "Field: value", continued by lines
/// that begin with a blank, ended by an empty line; lines that begin with # are comments. Fields:
/// by name, in any case of letters; the value is its first line.
std::unique_ptr<RecordReader> make_deb822_reader(LineSource& lines);

/// By the format's name. Errors: usage.
Outcome<std::unique_ptr<RecordReader>> make_record_reader(std::string_view format,
                                                          LineSource& lines);

}  // namespace mabeam::tools

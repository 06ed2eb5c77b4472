// Output: where a command writes: its answer to stdout, everything else to stderr.
#pragma once

#include "tools/cli/failure.hpp"

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <string>
#include <string_view>

namespace mabeam::tools {

/// What the standard streams are.
struct Style {
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool colour = false;  ///< stdout is a terminal and NO_COLOR is not set
};

class Output {
 public:
  Output(std::ostream& out, std::ostream& err, Style style);

  /// Set by the command line before a command runs.
  void set_command(std::string_view name) { command_ = name; }

  void set_json(bool json) { json_ = json; }

  [[nodiscard]] bool json() const { return json_; }

  [[nodiscard]] const Style& style() const { return style_; }

  /// Writes to stdout as it stands.
  void print(std::string_view text);
  /// Writes one JSON document, with its schema_version, and a line's end. Only fields go in.
  void document(const nlohmann::ordered_json& fields);
  /// A sentence on stderr: "mabeam CMD: TEXT".
  void note(std::string_view text);
  /// To stderr as it stands: progress on a terminal.
  void print_error(std::string_view text);
  /// The failure in both places that the contract names; a command that has already written its
  /// document, with the error in it, gets no second one.
  void report(const Failure& failure);

  /// Hands everything to the kernel. False once anything could not be written.
  [[nodiscard]] bool flush();
  /// Why flush() was false: "No space left on device".
  [[nodiscard]] std::string write_error() const;

 private:
  std::ostream& out_;
  std::ostream& err_;
  Style style_;
  std::string command_;
  bool json_ = false;
  bool has_document_ = false;
  int write_errno_ = 0;
};

}  // namespace mabeam::tools

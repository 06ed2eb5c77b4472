// Roff: the text of a manual page, in the macros of man(7).
#pragma once

#include <string>
#include <string_view>

namespace mabeam::packaging {

class Roff {
 public:
  /// `number` is the section: "1".
  Roff(std::string_view title, std::string_view number);

  void section(std::string_view title);
  void subsection(std::string_view title);
  void paragraph(std::string_view text);
  /// A term in bold, and what it means, indented. `rest` follows the term in italics.
  void item(std::string_view term, std::string_view rest, std::string_view text);
  /// As it stands, line by line.
  void verbatim(std::string_view text);
  /// "NAME" and its line.
  void name(std::string_view name, std::string_view what);
  /// Words in bold up to `rest`.
  void synopsis(std::string_view command, std::string_view rest);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void begin_paragraph();

  std::string text_;
  bool follows_heading_ = false;
};

}  // namespace mabeam::packaging

#include "packaging/generate/roff.hpp"

#include "mabeam/version.hpp"

namespace mabeam::packaging {

namespace {

/// Characters that roff would read, and lines that it would take for requests.
std::string escaped(std::string_view text) {
  std::string out;
  bool begins_line = true;
  for (const char c : text) {
    if (begins_line && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else if (c == '`') {
      out += "\\(ga";
    } else if (c == '^') {
      out += "\\(ha";
    } else if (c == '~') {
      out += "\\(ti";
    } else {
      out += c;
    }
    begins_line = c == '\n';
  }
  return out;
}

/// As the argument of a macro.
std::string argument(std::string_view text) {
  std::string out = "\"";
  for (const char c : escaped(text)) {
    if (c == '"') {
      out += "\\(dq";
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

Roff::Roff(std::string_view title, std::string_view number) {
  text_ = ".TH " + argument(title) + " " + std::string(number) + " \"" MABEAM_DATE "\" " +
          argument("mabeam " + std::string(version())) + " \"mabeam\"\n.nh\n.ad l\n";
}

// A heading has its own space below it.
void Roff::begin_paragraph() {
  if (!follows_heading_) text_ += ".PP\n";
  follows_heading_ = false;
}

void Roff::section(std::string_view title) {
  text_ += ".SH " + argument(title) + "\n";
  follows_heading_ = true;
}

void Roff::subsection(std::string_view title) {
  text_ += ".SS " + argument(title) + "\n";
  follows_heading_ = true;
}

void Roff::paragraph(std::string_view text) {
  begin_paragraph();
  text_ += escaped(text) + "\n";
}

void Roff::item(std::string_view term, std::string_view rest, std::string_view text) {
  text_ += ".TP\n";
  follows_heading_ = false;
  text_ += rest.empty() ? ".B " + argument(term)
                        : ".BI " + argument(std::string(term) + " ") + " " + argument(rest);
  text_ += "\n" + escaped(text) + "\n";
}

void Roff::verbatim(std::string_view text) {
  begin_paragraph();
  text_ += ".nf\n" + escaped(text);
  if (!text.ends_with('\n')) text_ += '\n';
  text_ += ".fi\n";
}

void Roff::name(std::string_view name, std::string_view what) {
  section("NAME");
  text_ += escaped(name) + " \\- " + escaped(what) + "\n";
}

void Roff::synopsis(std::string_view command, std::string_view rest) {
  begin_paragraph();
  text_ += ".B " + argument(command) + "\n" + escaped(rest) + "\n";
}

}  // namespace mabeam::packaging

// One line is one record.
#include "tools/feed/record_reader.hpp"

#include <algorithm>
#include <charconv>

namespace mabeam::tools {

namespace {

constexpr std::string_view kBlanks = " \t\v\f\r";

// The word's number, from 1 on; 0 for any other name.
std::size_t word_number(std::string_view name) {
  std::size_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, number);
  return error == std::errc{} && stopped == end ? number : 0;
}

std::optional<std::string> word_at(std::string_view text, std::size_t number) {
  for (std::size_t begin = text.find_first_not_of(kBlanks); begin != std::string_view::npos;
       begin = text.find_first_not_of(kBlanks, begin)) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, begin), text.size());
    if (--number == 0) return std::string(text.substr(begin, end - begin));
    begin = end;
  }
  return std::nullopt;
}

class LineReader : public RecordReader {
 public:
  using RecordReader::RecordReader;

  std::optional<Record> next() override {
    const auto line = lines().next();
    if (!line) return std::nullopt;
    text_ = line->text;
    return Record{text_, line->number, line->is_whole ? "" : too_long()};
  }

  [[nodiscard]] std::optional<std::string> field(std::string_view name) const override {
    if (name == "line") return text_;
    const std::size_t number = word_number(name);
    return number == 0 ? std::nullopt : word_at(text_, number);
  }

  [[nodiscard]] std::string fault_in_field_name(std::string_view name) const override {
    if (name == "line" || word_number(name) != 0) return {};
    return "lines have the fields {1}, {2}... and {line}";
  }

 private:
  std::string text_;
};

}  // namespace

std::unique_ptr<RecordReader> make_line_reader(LineSource& lines) {
  return std::make_unique<LineReader>(lines);
}

}  // namespace mabeam::tools

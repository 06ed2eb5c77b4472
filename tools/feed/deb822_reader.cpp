// One paragraph is one record, as in Debian's control files.
#include "tools/feed/record_reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace mabeam::tools {

namespace {

constexpr std::string_view kFoldBlanks = " \t";

bool is_separator(std::string_view line) {
  return line.find_first_not_of(kFoldBlanks) == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kFoldBlanks), text.size());
  return text.substr(begin, text.find_last_not_of(kFoldBlanks) + 1 - begin);
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// Policy 5.1: US-ASCII without control characters, spaces and colons; not beginning with # or -.
bool is_field_name(std::string_view name) {
  if (name.empty() || name[0] == '#' || name[0] == '-') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char letter) { return letter > ' ' && letter < '\x7F' && letter != ':'; });
}

class Deb822Reader : public RecordReader {
 public:
  using RecordReader::RecordReader;

  std::optional<Record> next() override {
    record_ = {};
    fields_.clear();
    has_begun_ = false;
    while (const auto line = lines().next()) {
      const bool is_comment = line->text.starts_with('#');
      if (line->is_whole && is_separator(line->text)) {
        if (has_begun_) return std::exchange(record_, {});
      } else if (!is_comment) {
        add(*line);
      }
    }
    // Where reading was cut short, the paragraph may be as well.
    if (!has_begun_ || lines().error() != 0) return std::nullopt;
    return std::exchange(record_, {});
  }

  [[nodiscard]] std::optional<std::string> field(std::string_view name) const override {
    for (const auto& [key, value] : fields_) {
      if (same_name(key, name)) return value;
    }
    return std::nullopt;
  }

 private:
  void add(const TextLine& line) {
    if (!record_.problem.empty()) return;
    if (has_begun_) {
      record_.text += '\n';
    } else {
      record_.line = line.number;
      has_begun_ = true;
    }
    if (!line.is_whole || record_.text.size() + line.text.size() > lines().most_bytes()) {
      refuse(record_.line, too_long());
      return;
    }
    parse(line);
    record_.text += line.text;
  }

  void parse(const TextLine& line) {
    if (kFoldBlanks.find(line.text.front()) != std::string_view::npos) {
      if (fields_.empty()) refuse(line.number, "continues a field, but none has begun");
      return;
    }
    const std::size_t colon = line.text.find(':');
    const std::string_view name = line.text.substr(0, colon);
    if (colon == std::string_view::npos) {
      refuse(line.number, "no colon behind a field's name");
    } else if (!is_field_name(name)) {
      refuse(line.number, "no field's name before the colon");
    } else {
      fields_.emplace_back(name, trimmed(line.text.substr(colon + 1)));
    }
  }

  // The rest of the paragraph is read past, not kept.
  void refuse(std::uint64_t line, std::string problem) {
    record_.line = line;
    record_.problem = std::move(problem);
  }

  Record record_;
  std::vector<std::pair<std::string, std::string>> fields_;
  bool has_begun_ = false;
};

}  // namespace

std::unique_ptr<RecordReader> make_deb822_reader(LineSource& lines) {
  return std::make_unique<Deb822Reader>(lines);
}

}  // namespace mabeam::tools

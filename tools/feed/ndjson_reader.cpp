// One line is one JSON object.
#include "tools/cli/json.hpp"
#include "tools/feed/record_reader.hpp"

namespace mabeam::tools {

namespace {

class NdjsonReader : public RecordReader {
 public:
  using RecordReader::RecordReader;

  std::optional<Record> next() override {
    for (auto line = lines().next(); line; line = lines().next()) {
      const bool is_empty = line->text.find_first_not_of(" \t") == std::string_view::npos;
      if (!is_empty || !line->is_whole) {
        return Record{std::string(line->text), line->number, parse(*line)};
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<std::string> field(std::string_view name) const override {
    const auto found = object_.find(std::string(name));
    if (found == object_.end()) return std::nullopt;
    if (found->is_string()) return found->get<std::string>();
    if (found->is_number() || found->is_boolean()) return found->dump();
    return std::nullopt;
  }

 private:
  // What is wrong with the line, or nothing when object_ has become its object.
  std::string parse(const TextLine& line) {
    object_ = Json::object();
    if (!line.is_whole) return too_long();
    try {
      Json parsed = Json::parse(line.text);
      if (!parsed.is_object())
        return std::string("a JSON ") + parsed.type_name() + ", not an object";
      object_ = std::move(parsed);
      return {};
    } catch (const Json::parse_error& error) {
      return "no JSON: wrong at byte " + std::to_string(error.byte);
    }
  }

  Json object_ = Json::object();
};

}  // namespace

std::unique_ptr<RecordReader> make_ndjson_reader(LineSource& lines) {
  return std::make_unique<NdjsonReader>(lines);
}

}  // namespace mabeam::tools

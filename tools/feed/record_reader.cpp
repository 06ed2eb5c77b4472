#include "tools/feed/record_reader.hpp"

#include "tools/cli/encoding.hpp"

namespace mabeam::tools {

std::string RecordReader::too_long() const {
  return "longer than " + std::to_string(lines_.most_bytes()) + " bytes";
}

Outcome<std::unique_ptr<RecordReader>> make_record_reader(std::string_view format,
                                                          LineSource& lines) {
  if (format == "lines") return make_line_reader(lines);
  if (format == "ndjson") return make_ndjson_reader(lines);
  if (format == "deb822") return make_deb822_reader(lines);
  return usage_error("--format takes lines, ndjson or deb822, not '" + one_line(format) + "'");
}

}  // namespace mabeam::tools

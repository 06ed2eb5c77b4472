// How a line of the log reads: sentence and fields as text, or as the members of a JSON object.
#include "supervisor/log.hpp"

namespace mabeam::supervisor {
namespace {

std::string render_json(std::string_view runtime, std::string_view message,
                        std::span<const LogField> fields) {
  std::string out = R"("runtime":")" + shm::escape_json(runtime) + R"(","message":")" +
                    shm::escape_json(message) + '"';
  for (const LogField& field : fields) {
    out.append(",\"").append(field.key).append("\":");
    shm::append_value(out, field.value, true);
  }
  return out;
}

}  // namespace

std::string render_line(LogFormat format, std::string_view runtime, std::string_view message,
                        std::span<const LogField> fields) {
  if (format == LogFormat::json) return render_json(runtime, message, fields);
  return shm::render_text(message, fields);
}

}  // namespace mabeam::supervisor

#include "tools/cli/json.hpp"
#include "tools/serve/http.hpp"

namespace mabeam::tools {

HttpResponse http_failure(int status, std::string_view code, std::string_view message) {
  const Json error{{"code", code}, {"message", message}};
  return {.status = status,
          .content_type = "application/json",
          .body = dump(document({{"error", error}})) + '\n'};
}

}  // namespace mabeam::tools

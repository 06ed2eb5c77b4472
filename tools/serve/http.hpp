// What a request asks and what it is answered, whoever speaks HTTP for it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::tools {

struct HttpRequest {
  std::string method = "GET";
  std::string path;                                      ///< decoded, without what follows '?'
  std::multimap<std::string, std::string> parameters{};  ///< decoded
  std::vector<std::string> hosts{};                      ///< each Host header
  std::string authorization{};
  std::string last_event_id{};  ///< of a reader of events that comes back
  bool is_local = false;        ///< over a Unix socket, which the file system guards
};

/// Where the text of an answer without an end goes.
class HttpStream {
 public:
  virtual ~HttpStream() = default;

  /// False once the reader has gone, or is too slow, or the server stops.
  virtual bool write(std::string_view text) = 0;
  /// Waits that long. False as above, at once.
  virtual bool wait(std::chrono::milliseconds time) = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::function<void(HttpStream&)> stream{};  ///< instead of a body; ends when it returns
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

/// {"schema_version", "error": {code, message}}, as every command has it.
HttpResponse http_failure(int status, std::string_view code, std::string_view message);

}  // namespace mabeam::tools

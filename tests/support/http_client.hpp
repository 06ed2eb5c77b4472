// HttpClient: what a test asks a server, byte for byte.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace mabeam::tests {

struct HttpAnswer {
  int status = 0;       ///< 0: there was none
  std::string headers;  ///< the first line, too
  std::string body;     ///< of a stream with its chunks' lengths
};

/// A connection to 127.0.0.1:`port`, or to a Unix socket.
class HttpClient {
 public:
  explicit HttpClient(int port);
  explicit HttpClient(const std::string& socket_path);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  void send(const std::string& text) const;
  /// Sends a GET of that path, with these headers, a Host among them unless they have one.
  void get(const std::string& path, const std::vector<std::string>& headers = {}) const;
  /// Reads until the server closes the connection.
  [[nodiscard]] HttpAnswer answer();
  /// Reads until what has come contains `text`. False after `limit`, or at the end.
  bool comes(const std::string& text, std::chrono::milliseconds limit);

  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  bool receive(std::chrono::milliseconds limit);

  int socket_ = -1;
  std::string received_;
};

/// One GET of 127.0.0.1.
HttpAnswer http_get(int port, const std::string& path,
                    const std::vector<std::string>& headers = {});

}  // namespace mabeam::tests

// HttpServer: HTTP/1.1 by cpp-httplib, which only http_server.cpp includes.
//
// Each connection is one request and has a thread of its own, so no stream keeps another waiting.
// When all are taken the next ones wait in the kernel's queue. A request's size, the time that it
// takes to arrive, and the time that a reader lets us wait are limited.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/serve/http.hpp"
#include "tools/serve/listen_address.hpp"

#include <chrono>
#include <cstddef>
#include <memory>

namespace mabeam::tools {

struct HttpLimits {
  std::size_t connections = 64;
  std::size_t request_bytes = 16 << 10;          ///< line, headers and all
  std::chrono::milliseconds request_time{5000};  ///< to arrive in
  std::chrono::milliseconds write_time{5000};    ///< that a reader may stand still
};

class HttpServer {
 public:
  /// `handler` is called by any number of threads.
  explicit HttpServer(HttpHandler handler, const HttpLimits& limits = {});
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// Listens from here on. The address, with the port that was found where it was 0.
  /// Errors: refused (the address is in use, or none of this machine's), permission.
  Outcome<ListenAddress> start(const ListenAddress& address);

  /// It still takes connections.
  [[nodiscard]] bool is_running() const;

  /// Ends streams, waits for the requests that run, and takes no more.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mabeam::tools

// HttpConnection: a connected socket, with limits: how many bytes are read, until when, and how
// long a write may stand still.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include <sys/types.h>

namespace mabeam::tools {

class HttpConnection {
 public:
  struct Limits {
    std::size_t read_bytes = 0;
    std::chrono::steady_clock::time_point read_until;
    std::chrono::milliseconds write_time{0};
  };

  HttpConnection(int socket, const Limits& limits) : socket_(socket), limits_(limits) {}

  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  /// Closes the socket.
  ~HttpConnection();

  [[nodiscard]] int socket() const { return socket_; }

  /// Bytes read; 0 at the end, -1 for an error or past a limit.
  ssize_t read(char* into, std::size_t size);
  /// `size`, or -1: never a part.
  ssize_t write(const char* from, std::size_t size);
  /// Something can be read in time.
  [[nodiscard]] bool is_readable() const;
  /// The peer still reads.
  [[nodiscard]] bool is_open() const;

 private:
  [[nodiscard]] bool wait_for(short events, std::chrono::milliseconds time) const;
  bool fill();

  int socket_;
  Limits limits_;
  std::size_t taken_ = 0;  ///< bytes that were read from the socket
  std::array<char, 4096> buffer_{};
  std::size_t next_ = 0;  ///< in the buffer
  std::size_t end_ = 0;
};

}  // namespace mabeam::tools

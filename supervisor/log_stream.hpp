// LogStream: standard error, written so that the supervisor never waits for whoever reads it.
//
// A line is written whole or dropped, and what was dropped is counted and told later: a terminal
// that was stopped, or a pipe that nobody reads, must not keep a dead worker from being restarted.
//
// Why not O_NONBLOCK on descriptor 2: the flag belongs to the open file, which we share with the
// shell that started us and with our workers. A pipe or a terminal is opened a second time instead,
// with the flag; a socket is sent to with MSG_DONTWAIT; a regular file never waits.
#pragma once

#include "supervisor/descriptor.hpp"

#include <cstdint>
#include <string_view>

namespace mabeam::supervisor {

class LogStream {
 public:
  /// Opens its own end of what `fd` leads to.
  explicit LogStream(int fd);

  /// Writes a line, its end included, or drops it.
  void write(std::string_view line) noexcept;

  /// Lines dropped, and not told yet.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  void told(std::uint64_t lines) noexcept { dropped_ -= lines; }

  [[nodiscard]] bool is_terminal() const { return is_terminal_; }

 private:
  /// Bytes written, or -1.
  [[nodiscard]] ssize_t try_write(std::string_view line) const noexcept;

  Descriptor own_;
  int fd_;
  bool is_socket_ = false;
  bool may_wait_ = false;  // could not be opened a second time: asked first whether it has room
  bool is_terminal_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace mabeam::supervisor

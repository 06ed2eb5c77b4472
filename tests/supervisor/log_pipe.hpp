// LogPipe: where a test's log writes, and what it has written.
#pragma once

#include "supervisor/descriptor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::supervisor {

class LogPipe {
 public:
  LogPipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
  }

  [[nodiscard]] int fd() const { return write_.get(); }

  /// What was written since the last take().
  std::string take() {
    std::array<char, 1 << 17> bytes{};
    ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
    const auto count = ::read(read_.get(), bytes.data(), bytes.size());
    return {bytes.data(), count < 0 ? 0 : static_cast<std::size_t>(count)};
  }

 private:
  Descriptor read_;
  Descriptor write_;
};

}  // namespace mabeam::supervisor

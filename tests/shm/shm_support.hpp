// Memory, segments and processes for the tests of shm/: zeroed memory that is aligned like a
// segment's, a small segment under a name of its own that is removed whatever happens, a child that
// runs a function.
#pragma once

#include "shm/clock.hpp"
#include "shm/layout.hpp"
#include "shm/segment.hpp"

#include "mabeam/result.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam {

/// How gtest prints a code.
inline void PrintTo(Errc code, std::ostream* out) {
  *out << code_name(code);
}

}  // namespace mabeam

namespace mabeam::shm {

/// Zeroed bytes on a line pair, as every structure of the segment lies. Exactly this many: the
/// address sanitizer sees every byte beyond.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) { std::memset(data_.get(), 0, bytes); }

  [[nodiscard]] std::span<std::byte> span() const { return {data_.get(), bytes_}; }

  [[nodiscard]] std::byte* at(std::size_t offset) const { return data_.get() + offset; }

 private:
  struct Free {
    void operator()(std::byte* data) const {
      ::operator delete (data, std::align_val_t{kLinePair});
    }
  };

  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> data_{
      static_cast<std::byte*>(::operator new (bytes_, std::align_val_t{kLinePair}))};
};

/// The bytes of a text, to be put into records.
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Dimensions that are quick to create: 2 shards, 3 clients, the smallest rings.
inline Dimensions small_dimensions() {
  DimensionRequest request;
  request.workers = 1;
  request.shards = 2;
  request.clients = 3;
  request.max_agents = 64;
  request.high_bytes = request.normal_bytes = request.low_bytes = 4096;
  request.log_bytes = 64U << 10U;
  request.block_bytes = 16U << 10U;
  return choose_dimensions(request, 1).value();
}

/// A name that no other test and no other process uses.
inline std::string unique_name() {
  static int count = 0;
  return "t" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

/// Removes the name, and what an unfinished creation leaves, at the end of a test.
class NameGuard {
 public:
  explicit NameGuard(std::string name) : name_(std::move(name)) {}

  NameGuard(const NameGuard&) = delete;
  NameGuard& operator=(const NameGuard&) = delete;

  ~NameGuard() {
    ::unlink(path().c_str());
    ::unlink((path() + ".new").c_str());
  }

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] std::string path() const { return "/dev/shm/mabeam-" + name_; }

 private:
  std::string name_;
};

/// A running runtime's segment, without anybody in it.
class SegmentTest : public ::testing::Test {
 protected:
  explicit SegmentTest(const Dimensions& dimensions = small_dimensions())
      : guard_(unique_name()),
        segment_(Segment::create(guard_.name(), dimensions).value()) {
    segment_.header().tunables.stall_timeout_ns.store(1'000'000'000);
    set_state(RuntimeState::running);
  }

  void set_state(RuntimeState state) {
    segment_.header().state.store(static_cast<std::uint32_t>(state));
  }

  NameGuard guard_;
  Segment segment_;
};

/// Runs `body` in a child process. Returns its wait status: 0 when it returned true.
template <class Body>
int run_in_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace mabeam::shm

#include "worker/output.hpp"

#include "shm/output_marks.hpp"
#include "shm/running.hpp"

#include <ext/stdio_sync_filebuf.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::worker {
namespace {

/// Bytes that go into a pipe at once, marks aside: they are never mixed with another's.
constexpr std::size_t kMostAtOnce = PIPE_BUF - 32;

struct Author {
  const shm::Segment* segment = nullptr;
  shm::Incarnation self;
  pid_t pid = 0;
};

Author& author() {
  static Author state;
  return state;
}

std::optional<AgentId> running_here() {
  // A child of a handler's has no segment.
  if (author().segment == nullptr || author().pid != ::getpid()) return std::nullopt;
  const shm::Segment& segment = *author().segment;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    if (segment.turn(shard).owner.load(std::memory_order_relaxed) != author().self.value) continue;
    if (const auto agent = shm::running_agent(segment, shard)) return agent;
  }
  return std::nullopt;
}

// What does not fit is dropped, and the stream goes on: an error would be the end of std::cout.
ssize_t write_labelled(void* /*cookie*/, const char* bytes, std::size_t count) {
  const std::optional<AgentId> agent = running_here();
  std::string text;
  for (std::size_t at = 0; at < count; at += kMostAtOnce) {
    const std::string_view part{bytes + at, std::min(kMostAtOnce, count - at)};
    text.clear();
    if (agent) text.append(1, shm::kMarkBegin).append(to_string(*agent)) += shm::kMarkEnd;
    text += part;
    if (agent) (text += shm::kMarkBegin) += shm::kMarkEnd;
    [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
  }
  return static_cast<ssize_t>(count);
}

std::FILE* labelled_stream(int buffering) {
  std::FILE* stream = ::fopencookie(
      nullptr, "w", {.read = nullptr, .write = write_labelled, .seek = nullptr, .close = nullptr});
  if (stream != nullptr) std::setvbuf(stream, nullptr, buffering, BUFSIZ);
  return stream;
}

// C++'s streams hold C's from the start, so they are given the new ones; never taken away again,
// since they are flushed at the very end.
void redirect(std::ostream& stream, std::FILE* to) {
  stream.rdbuf(new __gnu_cxx::stdio_sync_filebuf<char>(to));
}

}  // namespace

void label_output(const shm::Segment& segment, shm::Incarnation self) {
  struct stat status {};

  if (::fstat(STDOUT_FILENO, &status) != 0 || !S_ISFIFO(status.st_mode)) return;
  // Open until the end of this process.
  const int reader = ::open("/proc/self/fd/1", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (reader < 0) return;
  author() = {&segment, self, ::getpid()};
  std::FILE* out = labelled_stream(_IOLBF);
  std::FILE* err = labelled_stream(_IONBF);
  if (out == nullptr || err == nullptr) return;
  stdout = out;
  stderr = err;
  redirect(std::cout, out);
  redirect(std::cerr, err);
  redirect(std::clog, err);
}

void end_labels() {
  std::fflush(nullptr);
  author().segment = nullptr;
}

}  // namespace mabeam::worker

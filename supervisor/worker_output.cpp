#include "supervisor/worker_output.hpp"

#include "shm/output_marks.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

constexpr std::size_t kAgentDigits = 16;
/// The most that is read of one who is gone.
constexpr int kLastReads = 16;

}  // namespace

Result<WorkerOutput> WorkerOutput::open(Descriptor& end) {
  int ends[2]{};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_system(errno);
  WorkerOutput output;
  output.pipe_.reset(ends[0]);
  end.reset(ends[1]);
  return output;
}

WorkerOutput WorkerOutput::of_process(pid_t pid) {
  WorkerOutput output;
  const std::string path = "/proc/" + std::to_string(pid) + "/fd/1";

  struct stat status {};

  if (::stat(path.c_str(), &status) != 0 || !S_ISFIFO(status.st_mode)) return output;
  output.pipe_.reset(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  return output;
}

bool WorkerOutput::read(Time now, const Tell& tell) {
  if (resumes(now)) {
    since_ = now;
    lines_ = 0;
    bytes_ = 0;
  }
  std::array<char, kMostAtOnce> bytes;
  const ssize_t count = ::read(pipe_.get(), bytes.data(), bytes.size());
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  bytes_ += static_cast<std::uint64_t>(count);
  take({bytes.data(), static_cast<std::size_t>(count)}, tell);
  return count != 0;
}

void WorkerOutput::read_rest(Time now, const Tell& tell) {
  // A stray that the worker has left may go on writing: there is an end to it.
  for (int i = 0; i < kLastReads && pipe_ && read(now, tell); ++i) {
  }
  end_line_so_far(tell);
}

void WorkerOutput::end_line_so_far(const Tell& tell) {
  if (!line_.empty()) end_line(tell);
}

void WorkerOutput::take(std::string_view bytes, const Tell& tell) {
  for (const char c : bytes) {
    if (c == shm::kMarkBegin) {
      is_in_mark_ = true;
      mark_.clear();
    } else if (is_in_mark_) {
      take_mark(c);
    } else if (c == '\n') {
      end_line(tell);
    } else if (line_.size() < kLongest) {
      if (line_.empty()) line_agent_ = agent_;
      line_ += c;
    } else {
      is_cut_ = true;
    }
  }
}

void WorkerOutput::take_mark(char c) {
  if (c == shm::kMarkEnd) {
    agent_ = mark_.size() == kAgentDigits ? mark_ : std::string{};
    is_in_mark_ = false;
  } else if (mark_.size() < kAgentDigits) {
    mark_ += c;
  } else {
    is_in_mark_ = false;  // it was none
  }
}

void WorkerOutput::end_line(const Tell& tell) {
  if (lines_ < kMostLines) {
    ++lines_;
    if (is_cut_) line_ += "...";
    if (!line_.empty()) tell(line_, line_agent_);
  }
  line_.clear();
  is_cut_ = false;
}

}  // namespace mabeam::supervisor
